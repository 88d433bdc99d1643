"""The kinds of things that plugins offer by name, and how they are collected from one plugin."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from capture.contracts import info as records
from capture.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Callable

    from capture.contracts.info import Info

__all__ = ["KINDS", "Kind", "collect"]

_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


@dataclass(frozen=True)
class Kind:
    """A kind of offer: the word for one, the hook that offers it, and the class of its record."""

    word: str
    hook: str
    record: type[Info]


KINDS: Final = {
    kind.word: kind
    for kind in (
        Kind("backend", "register_backends", records.BackendInfo),
        Kind("adapter", "register_adapters", records.AdapterInfo),
        Kind("classifier", "register_classifiers", records.ClassifierInfo),
        Kind("analysis", "register_analyses", records.AnalysisInfo),
        Kind("executor", "register_executors", records.ExecutorInfo),
        Kind("objective", "register_objectives", records.ObjectiveInfo),
        Kind("remote sink", "register_remote_sinks", records.RemoteSinkInfo),
        Kind("repository", "register_repositories", records.RepositoryInfo),
        Kind("command", "register_commands", records.CommandInfo),
        Kind("component", "register_components", records.ComponentInfo),
    )
}
"""Every kind of offer, by its word."""


def collect(
    kind: Kind, hook: Callable[[], Any], plugin: str, distribution: str | None
) -> tuple[Info, ...]:
    """Call a plugin's registration hook, and return the records it gave once they are checked."""
    try:
        given = hook()
        offered = list(given) if isinstance(given, Iterable) else None
    except Exception as error:
        raise PluginError(
            plugin,
            f"{kind.hook} raised {type(error).__name__}: {error}",
            "a registration hook only yields records; what may fail belongs into their `load`",
        ) from error
    if offered is None:
        raise PluginError(
            plugin,
            f"{kind.hook} returned {_shown(given)}",
            f"yield {kind.record.__name__} records from it",
        )
    for record in offered:
        _check(record, kind, plugin)
    names = [record.name for record in offered]
    if twice := {name for name in names if names.count(name) > 1}:
        raise PluginError(
            plugin, f"{kind.hook} offers {sorted(twice)[0]!r} twice", "give each its own name"
        )
    if distribution is None:
        return tuple(offered)
    return tuple(replace(record, distribution=distribution) for record in offered)


def _check(record: Any, kind: Kind, plugin: str) -> None:
    expected = kind.record.__name__
    if not isinstance(record, kind.record):
        raise PluginError(
            plugin, f"{kind.hook} yielded {_shown(record)}", f"it must yield {expected} records"
        )
    problem = None
    if not _is_word(record.name):
        problem = f"name={record.name!r}: a name is letters, digits, '_', '-' and '.'"
    elif not callable(record.load):
        problem = f"load={record.load!r}: it must be a function without arguments"
    elif not (record.extra is None or isinstance(record.extra, str)):
        problem = f"extra={record.extra!r}: it must be one word or None"
    elif not isinstance(record.requires, tuple) or not all(map(_is_word, record.requires)):
        problem = f"requires={record.requires!r}: it must be a tuple of import names"
    elif isinstance(record, records.ComponentInfo) and not (
        record.role in records.ROLES and record.word
    ):
        roles = ", ".join(records.ROLES)
        problem = f"name={record.name!r}: a component is called ROLE.WORD, with a role of {roles}"
    if problem:
        raise PluginError(plugin, f"{kind.hook} yielded {expected}({problem})", "correct it there")


def _is_word(value: object) -> bool:
    return isinstance(value, str) and _NAME.fullmatch(value) is not None


def _shown(value: object) -> str:
    return "None" if value is None else f"an object of type {type(value).__name__}"
