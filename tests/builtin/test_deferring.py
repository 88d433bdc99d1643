"""Fills and verdicts that are recorded many at once are those that are recorded as they happen."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

import capture
from tests.adapters.telling import told
from tests.builtin.test_contract import CASES

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.host
TABLES = ("signals", "orders", "fills", "statuses", "trades", "equity", "notes")


class Listener:
    """Hears of fills, so that they are recorded as they happen."""

    def __init__(self) -> None:
        self.heard: list[Any] = []

    @capture.hookimpl
    def on_fill(self, fill: Any) -> None:
        """Keep the event."""
        self.heard.append(fill)


def recorded(name: str, folder: Path, listener: Any = None, **options: Any) -> Any:
    """Return the recording of a run, with a listener or without."""
    host = capture.get_host()
    if listener is not None:
        host.register(listener, name="listener")
    try:
        CASES[name](lambda own: capture.wrap(own, store=folder, buffer_size=32, **options))
    finally:
        if listener is not None:
            host.unregister(listener)
    return capture.open(folder).latest()


@pytest.mark.parametrize("name", CASES)
def test_deferred_outcomes_are_those_that_are_heard(name: str, tmp_path: Path) -> None:
    listener = Listener()
    heard = recorded(name, tmp_path / "now", listener)
    stored = heard.table("fills").to_pylist()
    assert [fill.seq for fill in listener.heard] == [row["seq"] for row in stored]
    later = recorded(name, tmp_path / "later")
    for table in TABLES:
        assert told(later, table) == told(heard, table), table
    assert "fills_missing_after_seq" not in later.manifest["flags"]


def test_many_are_recorded_at_once_where_nobody_listens(tmp_path: Path) -> None:
    name = "an average, costs"
    now, later = (
        recorded(name, tmp_path / "now", Listener()), recorded(name, tmp_path / "later"),
    )  # fmt: skip

    def turns(recording: Any) -> int:
        """Count how often the rows change over from signals to fills."""
        kinds = sorted((seq, table) for table in ("signals", "fills")
                       for seq in recording.table(table)["seq"].to_pylist())  # fmt: skip
        return sum(a[1] != b[1] for a, b in pairwise(kinds))

    assert 0 < turns(later) < turns(now) / 5


def test_with_fsync_each_is_recorded_as_it_happens(tmp_path: Path) -> None:
    name = "an average, costs"
    synced = recorded(name, tmp_path / "synced", durability="fsync")
    heard = recorded(name, tmp_path / "heard", Listener())
    for table in ("signals", "fills", "statuses"):
        assert synced.table(table)["seq"].equals(heard.table(table)["seq"])
