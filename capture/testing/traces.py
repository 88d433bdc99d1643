"""What an adapter could have left behind in its host: attributes of modules and of classes."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["traces_of", "watch"]


def watch(packages: tuple[str, ...], plain: Callable[[], Any]) -> Callable[[], set[str]]:
    """Return what names the attributes that changed since now, but for those a run changes itself.

    Args:
        packages: import names of the host's packages.
        plain: runs the host as its user would; what it imports or caches is its own affair.
    """
    plain()
    first = traces_of(packages)
    plain()
    before = traces_of(packages)
    own = _changes(first, before)  # what the host makes anew at every run
    return lambda: _changes(before, traces_of(packages)) - own


def _changes(one: dict[str, int], other: dict[str, int]) -> set[str]:
    return {name for name in one | other if one.get(name) != other.get(name)}


def traces_of(packages: tuple[str, ...]) -> dict[str, int]:
    """Return a mark of every attribute of a package's modules and of their classes."""
    traces = {}
    for name, module in sorted(sys.modules.items()):
        if not any(name == package or name.startswith(f"{package}.") for package in packages):
            continue
        for attribute, value in vars(module).items():
            traces[f"{name}.{attribute}"] = _mark(value)
            if isinstance(value, type) and value.__module__ == name:
                traces.update(_of_class(f"{name}.{attribute}", value))
    return traces


def _of_class(name: str, cls: type) -> dict[str, int]:
    own: dict[str, Any] = dict(vars(cls))
    # What Python itself keeps there changes as classes are used.
    for attribute in ("__dict__", "__weakref__", "_abc_impl", "__doc__"):
        own.pop(attribute, None)
    return {f"{name}.{attribute}": _mark(value) for attribute, value in own.items()}


def _mark(value: Any) -> int:
    """Return what tells a value from the one that replaces it.

    A counter of the host's own may be given the memory of an earlier number: that is its value.
    """
    return value if type(value) is int else id(value)
