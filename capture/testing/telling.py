"""Somebody who hears of all events of a run, and whether that is what its recording says."""

from __future__ import annotations

import re
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from capture.hookspecs import hookimpl
from capture.host import get_host

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from capture.events import CapturedSignal, Event, Fill, Order, RunInfo, StatusChange
    from capture.store.recording import Recording

__all__ = ["Listener", "assert_same_story", "assert_told"]

_TABLES: Final = ("signals", "orders", "fills", "statuses")
_OF_STORAGE: Final = frozenset({"part", "segment"})
_OF_ONE_RUN: Final = frozenset(
    {"recorded_time", "processing_ns", "schema_version", "segment", "seq", "part"}
)
_ORDER: Final = re.compile(r'"o(\d+)"')
"""How an order is named in the arguments of a call."""


class Listener:
    """Reads every event of a run when it is told of it.

    Attributes:
        told: by run and table, the values of the events.
    """

    def __init__(self) -> None:
        """Hear nothing yet."""
        self.told: dict[tuple[str, str], list[dict[str, Any]]] = {}

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Hear of the events of runs that begin meanwhile."""
        host = get_host()
        host.register(self, name="listener")
        try:
            yield
        finally:
            host.unregister(self)

    @hookimpl
    def on_signal(self, signal: CapturedSignal, run: RunInfo) -> None:
        """Read a signal."""
        self._read(signal, run)

    @hookimpl
    def on_order(self, order: Order, run: RunInfo) -> None:
        """Read an order intent."""
        self._read(order, run)

    @hookimpl
    def on_fill(self, fill: Fill, run: RunInfo) -> None:
        """Read a fill."""
        self._read(fill, run)

    @hookimpl
    def on_status(self, change: StatusChange, run: RunInfo) -> None:
        """Read what became of something."""
        self._read(change, run)

    def _read(self, event: Event, run: RunInfo) -> None:
        self.told.setdefault((run.run_id, event.table), []).append(event.to_dict())


def assert_told(recording: Recording, listener: Listener, growing: frozenset[str]) -> None:
    """Assert that each event was told once, and said what the recording says.

    Args:
        recording: of the run.
        listener: who listened.
        growing: columns that the host may complete when they were told.
    """
    for name in _TABLES:
        rows = {row["seq"]: row for row in recording.table(name).to_pylist()}
        told = listener.told.get((recording.run_id, name), [])
        assert sorted(event["seq"] for event in told) == sorted(rows), name
        for event in told:
            row = rows[event["seq"]]
            for column in (event.keys() & row.keys()) - _OF_STORAGE - growing:
                said = _same(event[column], row[column])
                assert said or _is_ahead(event, column, row), (name, column, event, row)


def assert_same_story(quiet: Recording, heard: Recording) -> None:
    """Assert that two recordings of a run say the same, in whatever order they were written."""
    for name in _TABLES:
        one, other = _story(quiet, name), _story(heard, name)
        assert one == other, (name, one - other, other - one)


def _story(recording: Recording, name: str) -> Counter[str]:
    """Return the rows of a table, in which events are named by their place among their kind."""
    places = {
        kind: {seq: place for place, seq in enumerate(_seqs(recording, kind))}
        for kind in ("signals", "orders")
    }
    story: Counter[str] = Counter()
    for row in recording.table(name).to_pylist():
        said = {
            column: value
            for column, value in row.items()
            if column not in _OF_ONE_RUN and not column.endswith("_id")
        }
        said |= {"own": places.get(name, {}).get(row["seq"])}
        for kind in places:
            column = f"{kind[:-1]}_seq"
            if row.get(column) is not None:
                said[column] = places[kind][row[column]]
        if said.get("arguments") is not None:
            said["arguments"] = _ORDER.sub(
                lambda named: str(places["orders"].get(int(named[1]))), said["arguments"]
            )
        story[repr(sorted(said.items()))] += 1
    return story


def _seqs(recording: Recording, kind: str) -> list[int]:
    found: list[int] = sorted(recording.table(kind).column("seq").to_pylist())
    return found


def _is_ahead(event: Mapping[str, Any], column: str, row: Mapping[str, Any]) -> bool:
    """Say whether nothing was said of an order that was yet to come."""
    named = _ORDER.fullmatch(f'"{row[column]}"') if column in {"oco_id", "parent_id"} else None
    return event[column] is None and named is not None and int(named[1]) > row["seq"]


def _same(one: Any, other: Any) -> bool:
    if one is None or other is None:
        return one is other or one != one or other != other
    return bool(one == other or (one != one and other != other))
