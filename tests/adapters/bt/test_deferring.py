"""Fills that are recorded a block at a time are those that are heard as they happen."""

from __future__ import annotations

from operator import eq
from typing import TYPE_CHECKING

import pytest

from capture_bt.fills import Fills
from tests.adapters.bt.runs import CASES, captured
from tests.adapters.listening import listening
from tests.adapters.misreading import assert_the_run_goes_on
from tests.adapters.telling import told

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.host,
    # What was ruined has returns that the host cannot take the logarithm of.
    pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning"),
]

NAMES = ("SMA cross, four assets", "sleeves", "every verb", "rolled", "ruin", "blotter")
BLOCK = 16
TABLES = ("signals", "orders", "fills", "trades", "equity", "notes")


@pytest.mark.parametrize("buffer", [BLOCK, 4096])
@pytest.mark.parametrize("name", NAMES)
def test_fills_that_are_read_later_are_those_that_are_heard(
    name: str, buffer: int, tmp_path: Path
) -> None:
    results, later = captured(CASES[name], tmp_path / "later", buffer_size=buffer)
    with listening() as listener:
        same, now = captured(CASES[name], tmp_path / "now", buffer_size=buffer)
    assert same == results
    # What signals are given late depends on where blocks end, and fills lie elsewhere in them.
    for table in TABLES if buffer > BLOCK else TABLES[1:]:
        assert told(later, table) == told(now, table), table
    one, other = (told(recording, "statuses") for recording in (later, now))
    assert sorted(map(str, one)) == sorted(map(str, other))
    assert [fill.price for fill in listener.heard] == now.fills()["price"].tolist()
    assert "fills_missing_after_seq" not in later.manifest["flags"]


def test_what_cannot_be_read_stops_the_recording_and_not_the_run(tmp_path: Path) -> None:
    case = next(iter(CASES.values()))
    assert_the_run_goes_on(case, captured, (Fills, "_trip"), tmp_path, eq)
