"""Where plugins come from: entry points, which are found without importing what they name."""

from __future__ import annotations

import os
import re
from importlib import metadata
from typing import TYPE_CHECKING, Final

from capture.hookspecs import PROJECT
from capture.host.report import PluginRecord

if TYPE_CHECKING:
    from collections.abc import Iterable
    from importlib.metadata import Distribution, EntryPoint

__all__ = ["DISABLE", "Source", "built_in", "disabled_names", "find", "in_order"]

DISABLE: Final = "CAPTURE_DISABLE_PLUGINS"
"""Environment variable: names of plugins to leave out, with commas between."""

_BUILT_IN: Final = "signal-capture"
_SECTION: Final = f"[{PROJECT}]"

Source = tuple["EntryPoint", PluginRecord]


def disabled_names() -> frozenset[str]:
    """Return the names of the plugins that the user wants left out."""
    return frozenset(filter(None, map(str.strip, os.environ.get(DISABLE, "").split(","))))


def find() -> tuple[list[EntryPoint], list[PluginRecord]]:
    """Return our entry points, and a record of each distribution whose entry points are garbled.

    One garbled file of a stranger must not hide everybody else's plugins, so each distribution is
    read on its own. Of a distribution that is installed twice, the one that is imported counts.
    """
    found: dict[str, list[EntryPoint]] = {}
    garbled: list[PluginRecord] = []
    for distribution in metadata.distributions():
        try:
            text = distribution.read_text("entry_points.txt")
        except (OSError, UnicodeDecodeError):
            continue
        if not text or _SECTION not in text:
            continue
        name, version = _identity(distribution)
        try:
            points = [point for point in distribution.entry_points if point.group == PROJECT]
        except Exception as error:
            garbled.append(_garbled(name, version, error))
        else:
            found.setdefault(name, points)
    return [point for points in found.values() for point in points], garbled


def built_in() -> list[EntryPoint]:
    """Return the entry points of this product alone."""
    return [point for point, record in in_order(find()[0]) if record.distribution == _BUILT_IN]


def in_order(points: Iterable[EntryPoint]) -> list[Source]:
    """Return entry points as they are to be loaded, built-in ones first, then by name."""
    sources = [(point, _record_of(point)) for point in points]
    return sorted(sources, key=lambda source: _rank(source[1]))


def _rank(record: PluginRecord) -> tuple[bool, str, str]:
    return record.distribution != _BUILT_IN, record.name, record.distribution or ""


def _record_of(point: EntryPoint) -> PluginRecord:
    distribution, version = _identity(point.dist) if point.dist else (None, None)
    return PluginRecord(point.name, distribution, version)


def _identity(distribution: Distribution) -> tuple[str, str | None]:
    try:
        return re.sub(r"[-_.]+", "-", distribution.name).lower(), distribution.version
    except Exception:  # a folder whose METADATA is gone or garbled still has its entry points
        return "unknown", None


def _garbled(name: str, version: str | None, error: Exception) -> PluginRecord:
    return PluginRecord(
        name,
        name,
        version,
        state="broken",
        problem=f"its entry_points.txt cannot be read: {error}",
        mend=f"pip install --force-reinstall {name}",
    )
