"""Fills that are recorded a block at a time are those that are heard as they happen."""

from __future__ import annotations

from operator import eq
from typing import TYPE_CHECKING

import pytest

from capture_zipline.broker import Broker
from tests.adapters.listening import listening
from tests.adapters.misreading import assert_the_run_goes_on
from tests.adapters.telling import told
from tests.adapters.zipline.runs import CASES, captured

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.host

NAMES = ("SMA cross", "nasty", "partial fills", "split, dividend and the end", "controls")
BLOCK = 96
"""Rows of a block: a quarter of it is more than any of these strategies gives on a bar."""

TABLES = ("signals", "orders", "fills", "trades", "equity", "notes")


@pytest.mark.parametrize("buffer", [BLOCK, 4096])
@pytest.mark.parametrize("name", NAMES)
def test_fills_that_are_read_later_are_those_that_are_heard(
    name: str, buffer: int, tmp_path: Path
) -> None:
    results, later = captured(CASES[name], tmp_path / "later", buffer_size=buffer)
    with listening() as listener:
        same, now = captured(CASES[name], tmp_path / "now", buffer_size=buffer)
    same.like(results)
    for table in TABLES:
        assert told(later, table) == told(now, table), table
    one, other = (told(recording, "statuses") for recording in (later, now))
    assert sorted(map(str, one)) == sorted(map(str, other))
    assert [fill.price for fill in listener.heard] == now.fills()["price"].tolist()
    assert "fills_missing_after_seq" not in later.manifest["flags"]


def test_what_is_recorded_after_an_order_belongs_to_it_wherever_blocks_end(tmp_path: Path) -> None:
    _, small = captured(CASES["nasty"], tmp_path / "small", buffer_size=BLOCK)
    _, whole = captured(CASES["nasty"], tmp_path / "whole", buffer_size=100_000)
    mine, theirs = small.signals(), whole.signals()
    assert len(mine) > 3 * BLOCK
    for name in ("indicator_price", "indicator_bar"):
        assert mine[name].tolist() == theirs[name].tolist()


def test_what_became_of_an_order_is_told_in_its_order(tmp_path: Path) -> None:
    _, recording = captured(CASES["partial fills"], tmp_path)
    statuses = recording.table("statuses").to_pandas().sort_values("seq")
    for _, own in statuses.groupby("order_seq"):
        assert own["status"].iloc[0] == "submitted"
        assert own["bar_index"].is_monotonic_increasing
        assert not own["status"].iloc[:-1].isin(["executed", "cancelled", "expired"]).any()


def test_what_cannot_be_read_stops_the_recording_and_not_the_run(tmp_path: Path) -> None:
    place = (Broker, "_fill")
    assert_the_run_goes_on(CASES["partial fills"], captured, place, tmp_path, eq)
