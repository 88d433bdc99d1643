"""Fills and verdicts that are recorded many at once are those that are recorded as they happen."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

import capture
from tests.adapters.listening import listening
from tests.adapters.telling import told
from tests.builtin.test_contract import CASES

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.host
TABLES = ("signals", "orders", "fills", "statuses", "trades", "equity", "notes")


def recorded(name: str, folder: Path, **options: Any) -> Any:
    """Return the recording of a run."""
    CASES[name](lambda own: capture.wrap(own, store=folder, buffer_size=32, **options))
    return capture.open(folder).latest()


@pytest.mark.parametrize("name", CASES)
def test_deferred_outcomes_are_those_that_are_heard(name: str, tmp_path: Path) -> None:
    with listening() as listener:
        heard = recorded(name, tmp_path / "now")
    stored = heard.table("fills").to_pylist()
    assert [fill.seq for fill in listener.heard] == [row["seq"] for row in stored]
    later = recorded(name, tmp_path / "later")
    for table in TABLES:
        assert told(later, table) == told(heard, table), table
    assert "fills_missing_after_seq" not in later.manifest["flags"]


def test_many_are_recorded_at_once_where_nobody_listens(tmp_path: Path) -> None:
    name = "an average, costs"
    with listening():
        now = recorded(name, tmp_path / "now")
    later = recorded(name, tmp_path / "later")

    def turns(recording: Any) -> int:
        """Count how often the rows change over from signals to fills."""
        kinds = sorted((seq, table) for table in ("signals", "fills")
                       for seq in recording.table(table)["seq"].to_pylist())  # fmt: skip
        return sum(a[1] != b[1] for a, b in pairwise(kinds))

    assert 0 < turns(later) < turns(now) / 5


def test_with_fsync_each_is_recorded_as_it_happens(tmp_path: Path) -> None:
    name = "an average, costs"
    synced = recorded(name, tmp_path / "synced", durability="fsync")
    with listening():
        heard = recorded(name, tmp_path / "heard")
    for table in ("signals", "fills", "statuses"):
        assert synced.table(table)["seq"].equals(heard.table(table)["seq"])
