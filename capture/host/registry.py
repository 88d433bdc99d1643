"""Lets plugins in, one by one, and keeps what they offer; a bad one stays out and is noted."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from typing import TYPE_CHECKING, Final

from pluggy import PluginManager

from capture import hookspecs
from capture.errors import PluginError
from capture.host import sources
from capture.host.checks import check_plugin
from capture.host.kinds import KINDS, collect
from capture.host.report import PluginRecord
from capture.host.trouble import trouble_with

if TYPE_CHECKING:
    from collections.abc import Iterable

    from capture.contracts.info import Info

__all__ = ["Offers", "Registry"]

Offers = dict[str, dict[str, tuple["Info", PluginRecord]]]
"""By kind and name: the record of what is offered, and the plugin that offers it."""

_BY_HAND: Final = "give it a name of its own: register(plugin, name=...)"


class Registry:
    """The plugins of one host, which sees to it that only one thread at a time is in here."""

    def __init__(self) -> None:
        self.manager = PluginManager(hookspecs.PROJECT)
        self.manager.add_hookspecs(hookspecs)
        self.records: list[PluginRecord] = []
        self.offers: Offers = {word: {} for word in KINDS}

    def add_entry_points(self, given: Iterable[EntryPoint] | None) -> None:
        """Load entry points, each on its own; None stands for all that are installed."""
        points, garbled = sources.find() if given is None else (given, [])
        disabled = sources.disabled_names()
        for point, record in sources.in_order(points):
            self.records.append(record)
            if record.name in disabled:
                record.disable(sources.DISABLE)
            else:
                self._load(point, record)
            self._index()
        self.records += garbled

    def add(self, plugin: object, name: str | None) -> PluginRecord:
        """Let a plugin in by hand; whatever is wrong with it is raised as a PluginError."""
        record = PluginRecord(name or self._free_name(plugin))
        if record.name in sources.disabled_names():
            record.disable(sources.DISABLE)
        else:
            self._admit(plugin, record, mend=_BY_HAND)
            self._refuse_taken_names(record)
        self.records.append(record)
        self._index()
        return record

    def remove(self, plugin: object) -> None:
        """Let a plugin go, given itself or its name."""
        for record in self.records:
            if record.plugin is not None and (record.plugin is plugin or record.name == plugin):
                self.manager.unregister(record.plugin)
                self.records.remove(record)
                self._index()
                return
        name = plugin if isinstance(plugin, str) else type(plugin).__name__
        raise PluginError(name, "it is not registered", f"there are: {', '.join(self._taken())}")

    def _load(self, point: EntryPoint, record: PluginRecord) -> None:
        # A plugin that exits, or that panics in compiled code, is as broken as one that raises.
        try:
            self._admit(point.load(), record, mend="rename its entry point, or uninstall one")
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            upgrade = f"upgrade {record.distribution}, or " if record.distribution else ""
            record.exclude(
                trouble_with(
                    error,
                    module=point.value.partition(":")[0],
                    otherwise=f"{upgrade}leave it out with {sources.DISABLE}={record.name}",
                )
            )

    def _admit(self, plugin: object, record: PluginRecord, mend: str) -> None:
        taken = self._taken()
        if record.name in taken:
            other = taken[record.name].described()
            raise PluginError(record.name, f"the name is taken by plugin {other}", mend)
        for known in taken.values():
            if known.plugin is plugin:
                raise PluginError(record.name, f"it is already registered as {known.name!r}")
        hooks = check_plugin(plugin, record.name, self.manager)
        infos = [
            (kind, info)
            for kind in KINDS.values()
            for hook in hooks.get(kind.hook, ())
            for info in collect(kind, hook, record.name, record.distribution)
        ]
        self.manager.register(plugin, record.name)
        record.plugin, record.hooks, record.infos = plugin, tuple(hooks), tuple(infos)

    def _refuse_taken_names(self, record: PluginRecord) -> None:
        for kind, info in record.infos:
            if info.name in self.offers[kind.word]:
                owner = self.offers[kind.word][info.name][1]
                self.manager.unregister(record.plugin)
                raise PluginError(
                    record.name,
                    f'{kind.word} "{info.name}" is already offered by plugin {owner.described()}',
                    f"choose another name, or set {sources.DISABLE}={owner.name}",
                )

    def _index(self) -> None:
        """Build what is offered anew; of two that share a name, the one let in first is taken."""
        offers: Offers = {word: {} for word in KINDS}
        for record in self.records:
            record.forget_clashes()
            for kind, info in record.infos:
                named = offers[kind.word]
                if info.name in named:
                    record.gives_way(f"{kind.word} {info.name}", named[info.name][1])
                else:
                    named[info.name] = (info, record)
        self.offers = offers

    def _taken(self) -> dict[str, PluginRecord]:
        return {record.name: record for record in self.records if record.plugin is not None}

    def _free_name(self, plugin: object) -> str:
        wanted = getattr(plugin, "__name__", None) or type(plugin).__name__
        taken, name, number = self._taken(), wanted, 1
        while name in taken:
            number += 1
            name = f"{wanted}-{number}"
        return str(name)
