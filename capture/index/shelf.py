"""Where the series of many strategies and classifiers are kept: in memory, and in a folder."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any, Final

from capture.errors import ConfigError, UnknownName
from capture.index.cache import GroupCache
from capture.index.folder import IndexFolder
from capture.index.group import KINDS, SeriesGroup, SeriesKey
from capture.store.records import plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from capture.index.alignment import CrossReference
    from capture.index.group import Index, Kind
    from capture.store.base import BaseRef

__all__ = ["SeriesShelf"]


class SeriesShelf:
    """Series by what they are of and by parameter set; safe to use from several threads.

    Series that were added lie in memory until they are saved; equal ones of a group lie there once.
    Those of a folder are read, a group at a time, when they are first asked for.

    Attributes:
        cache: groups that were read lately.
        folder: what is in the folder; None before anything was saved.
    """

    def __init__(self, cache_bytes: int, folder: IndexFolder | None = None) -> None:
        """Begin with what is in a folder."""
        self.cache: Final = GroupCache(cache_bytes)
        self.folder = folder
        self._fresh: dict[SeriesKey, dict[str, Index]] = {}
        self._params: dict[SeriesKey, dict[str, Mapping[str, Any]]] = {}
        self._by_content: dict[tuple[SeriesKey, str], Index] = {}
        self._growing: set[tuple[SeriesKey, str]] = set()
        self.lock: Final = RLock()

    # --- writing -----------------------------------------------------------------------------

    def put(
        self, key: SeriesKey, parameter_set: str, index: Index, params: Mapping[str, Any] | None
    ) -> None:
        """Keep a copy of an index, in place of what there was."""
        with self.lock:
            mark = (key, index.content_sha256())
            if mark not in self._by_content:
                self._by_content[mark] = index.copy()
            self._fresh.setdefault(key, {})[parameter_set] = self._by_content[mark]
            self._growing.discard((key, parameter_set))
            if params is not None:
                self._params.setdefault(key, {})[parameter_set] = plain(params)

    def to_write(self, key: SeriesKey, parameter_set: str) -> Index:
        """Return the index of a set to add to; no other set shares it."""
        fresh = self._fresh.setdefault(key, {})
        if (key, parameter_set) not in self._growing:
            stored = self._stored(key)
            if parameter_set in fresh:
                fresh[parameter_set] = fresh[parameter_set].copy()
            elif stored is not None and parameter_set in stored.sets:
                fresh[parameter_set] = stored.index(parameter_set)
            else:
                fresh[parameter_set] = KINDS[key.kind](key.name)
            self._growing.add((key, parameter_set))
        return fresh[parameter_set]

    def save(
        self,
        path: Path | None,
        times: CrossReference,
        base: Mapping[tuple[str, str], BaseRef],
    ) -> Path:
        """Write what is not in this folder yet; None is the folder that was used before."""
        with self.lock:
            if path is None and self.folder is None:
                raise ConfigError("folder", None, "name a folder: nothing was opened or saved yet")
            if self.folder is not None and path in (None, self.folder.path):
                target, keys = self.folder, list(self._fresh)
            else:
                assert path is not None
                target, keys = IndexFolder(path), self.keys()
            changed = {key: self.group(key) for key in keys}
            self.folder = target.save(changed, times, base)
            for group in changed.values():
                self.cache.put(group)
            for kept in (self._fresh, self._params, self._by_content, self._growing):
                kept.clear()
            return self.folder.path

    # --- reading -----------------------------------------------------------------------------

    def keys(self, kind: Kind | None = None) -> list[SeriesKey]:
        """Return what there is: kind ("signals" or "changes"), name, symbol and timeframe."""
        there = {*self._fresh, *(self.folder.groups if self.folder else ())}
        return sorted(key for key in there if kind in (None, key.kind))

    def key(self, kind: Kind, name: str, symbol: str | None, timeframe: str | None) -> SeriesKey:
        """Return the only key that is meant, or say between which to choose."""
        every = self.keys(kind)
        found = [
            key
            for key in every
            if (key.name == name and symbol in (None, key.symbol))
            and timeframe in (None, key.timeframe)
        ]
        if not found:
            asked = " ".join(part for part in (kind, name, symbol, timeframe) if part)
            raise UnknownName("index", asked, map(str, every))
        if len(found) > 1:
            choices = ", ".join(f"{key.symbol} {key.timeframe}".strip() for key in found)
            raise ConfigError("symbol", symbol, f"{name} has several: choose one of {choices}")
        return found[0]

    def group(self, key: SeriesKey) -> SeriesGroup:
        """Return all parameter sets at once."""
        with self.lock:
            stored, fresh = self._stored(key), self._fresh.get(key, {})
            if stored is None and not fresh:
                raise UnknownName("index", str(key), map(str, self.keys()))
            if stored is not None and not fresh:
                return stored
            every: dict[str, Index] = {}
            params: dict[str, Mapping[str, Any]] = {}
            if stored is not None:
                shared = {number: stored.index(one) for one, number in stored.sets.items()}
                every = {one: shared[number] for one, number in stored.sets.items()}
                params = dict(stored.params)
            params |= self._params.get(key, {})
            return SeriesGroup.of(key, {**every, **fresh}, params)

    def index(self, key: SeriesKey, parameter_set: str | None) -> Index:
        """Return a copy of the index of a set; None asks for the only one there is."""
        with self.lock:
            if parameter_set is None:
                parameter_set = self._only_set(key)
            fresh = self._fresh.get(key, {})
            if parameter_set in fresh:
                return fresh[parameter_set].copy()
            group = self._stored(key) or self.group(key)
        return group.index(parameter_set)

    def _only_set(self, key: SeriesKey) -> str:
        """Return the name of a set, if all sets of a group have the same series."""
        group = self.group(key)
        if len(group) > 1:
            some = ", ".join(list(group.sets)[:5])
            problem = f"{key} has {len(group.sets)}: choose one, such as {some}"
            raise ConfigError("parameter_set", None, problem)
        return next(iter(group.sets))

    def counts(self, key: SeriesKey) -> tuple[int, int, int]:
        """Return how many parameter sets a group has, how many series, and how many rows."""
        with self.lock:
            file = self.folder.groups.get(key) if self.folder else None
            if file is not None and key not in self._fresh:
                return file.sets, file.series, file.rows
            group = self.group(key)
            return len(group.sets), len(group), group.table.num_rows

    def load(self, keys: Iterable[SeriesKey] | None = None, *, workers: int = 4) -> int:
        """Read groups ahead into the cache, several at a time; return how many.

        Args:
            keys: what to read; everything if None.
            workers: how many files are read at the same time.
        """
        known = self.folder.groups if self.folder else {}
        wanted = [key for key in (known if keys is None else keys) if key in known]
        with ThreadPoolExecutor(workers) as pool:
            return len(list(pool.map(self._stored, wanted)))

    def _stored(self, key: SeriesKey) -> SeriesGroup | None:
        """Return a group as the folder has it."""
        if self.folder is None or key not in self.folder.groups:
            return None
        group = self.cache.get(key)
        if group is None:
            group = self.folder.read(key)
            self.cache.put(group)
        return group
