"""What is recorded of orders a block at a time is what is recorded as it happens."""

from __future__ import annotations

from operator import eq
from typing import TYPE_CHECKING, Any

import pytest

import capture
from capture_nautilus.outcomes import Outcomes
from tests.adapters.listening import Listener, listening
from tests.adapters.misreading import assert_the_run_goes_on
from tests.adapters.nautilus import strategies as s
from tests.adapters.nautilus.runs import CASES, YEAR, Case, captured
from tests.adapters.telling import told

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.host

TABLES = ("signals", "orders", "fills", "trades", "equity", "notes")


def heard_and_not(case: Case, folder: Path, **options: Any) -> tuple[Any, Any, Listener]:
    """Return the recordings of a run without a listener and of one with it."""
    results, later = captured(case, folder / "later", **options)
    with listening() as listener:
        same, now = captured(case, folder / "now", **options)
    assert results == same
    return later, now, listener


def statuses(recording: Any) -> list[dict[str, Any]]:
    """Return what became of signals; the order among those of one moment is no promise."""
    return sorted(told(recording, "statuses"), key=lambda row: sorted(map(str, row.items())))


def assert_same(later: Any, now: Any) -> None:
    for table in TABLES:
        assert told(later, table) == told(now, table), table
    assert statuses(later) == statuses(now)
    mine, theirs = (
        each.signals()[["disposition", "reason"]].to_dict("records") for each in (later, now)
    )
    assert str(mine) == str(theirs)
    assert "fills_missing_after_seq" not in later.manifest["flags"]


@pytest.mark.parametrize("name", CASES)
def test_what_is_recorded_later_is_what_is_heard(name: str, tmp_path: Path) -> None:
    later, now, listener = heard_and_not(CASES[name], tmp_path)
    assert_same(later, now)
    stored = now.table("fills").to_pylist()
    heard = [(each.seq, each.price, each.to_dict()["signal_id"]) for each in listener.heard]
    expected = [(row["seq"], row["price"], row["signal_id"]) for row in stored]
    assert heard[len(heard) - len(expected) :] == expected


@pytest.mark.parametrize(
    ("name", "buffer"), [("hedged", 256), ("brackets", 64), ("two instruments", 64)]
)
def test_what_calls_said_is_the_same_wherever_blocks_end(
    name: str, buffer: int, tmp_path: Path
) -> None:
    _, small = captured(CASES[name], tmp_path / "small", buffer_size=buffer)
    _, whole = captured(CASES[name], tmp_path / "whole", buffer_size=100_000)
    for table in ("signals", "orders"):
        assert told(small, table) == told(whole, table), table


@pytest.mark.parametrize("name", ["nasty", "brackets", "reacting"])
def test_it_is_the_same_over_many_blocks(name: str, tmp_path: Path) -> None:
    later, now, _ = heard_and_not(CASES[name], tmp_path, buffer_size=16)
    for table in ("signals", "fills", "trades", "equity"):
        assert told(later, table) == told(now, table), table
    assert statuses(later) == statuses(now)
    orders = later.orders()
    assert orders.loc[orders["call"].notna(), "arguments"].notna().all()


def behind(recording: Any) -> list[int]:
    """Return by how many events each fill is behind its order."""
    orders = recording.table("orders").to_pandas().set_index("order_id")["seq"]
    fills = recording.table("fills").to_pandas()
    found: list[int] = (fills["seq"] - orders.loc[fills["order_id"]].to_numpy()).tolist()
    return found


def test_fills_come_in_blocks_unless_somebody_listens(tmp_path: Path) -> None:
    later, now, _ = heard_and_not(CASES["nasty"], tmp_path, buffer_size=64)
    assert max(behind(later)) > 40
    assert sum(each > 8 for each in behind(later)) > len(behind(later)) / 2
    assert sum(each > 8 for each in behind(now)) < len(behind(now)) / 2


class Breaks(s.Nasty):
    """Raises on a bar of its choice."""

    seen = 0

    def on_bar(self, bar: Any) -> None:
        """Trade, until it is over."""
        self.seen += 1
        if self.seen == 150:
            raise ZeroDivisionError
        super().on_bar(bar)


def test_a_run_that_raises_has_what_became_of_orders_up_to_there(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        captured(Case(Breaks), tmp_path)
    recording = capture.open(tmp_path).latest()
    assert recording.state == "failed"
    assert "fills_missing_after_seq" not in recording.manifest["flags"]
    _, whole = captured(CASES["nasty"], tmp_path / "whole")
    last = max(row["bar_index"] for row in told(recording, "fills"))
    mine, theirs = (
        [{**row, "strategy_id": ""} for row in told(each, "fills") if row["bar_index"] < last]
        for each in (recording, whole)
    )
    assert mine == theirs
    assert len(mine) > 20


def test_of_several_strategies_each_fill_is_recorded_as_it_happens(tmp_path: Path) -> None:
    case = Case((s.Nasty, s.Reacting), YEAR)
    later, now, _ = heard_and_not(case, tmp_path, buffer_size=64)
    assert_same(later, now)
    assert behind(later) == behind(now)


SAID: list[str] = []


class Clumsy(s.Counting):
    """Gives an order twice, and calls that name nothing; it goes on all the same."""

    def on_bar(self, bar: Any) -> None:
        self.count += 1
        if self.count == 3:
            price = self.price(bar, 0.5)
            self.order = self.order_factory.limit(self.instrument_id, s.BUY, self.size(), price)
            self.submit_order(self.order)
        elif self.count == 5:
            self.tries(self.submit_order, self.order)
            self.tries(self.close_position, None)
            self.tries(self.submit_order)

    def tries(self, call: Any, *given: Any) -> None:
        try:
            call(*given)
        except Exception as exc:
            SAID.append(f"{type(exc).__name__}: {exc}")


def test_what_the_host_refuses_by_raising_concerns_no_earlier_order(tmp_path: Path) -> None:
    case = Case(Clumsy, ((s.Config().bar_types[0], 30),))
    SAID.clear()
    case()
    plain = SAID[:]
    SAID.clear()
    later, now, _ = heard_and_not(case, tmp_path)
    assert plain + plain == SAID
    assert len(plain) >= 2
    assert_same(later, now)
    first = later.signals().iloc[0]
    assert (first["disposition"], first["reason"]) == ("cancelled", "cancelled_by_strategy")


def test_what_cannot_be_read_stops_the_recording_and_not_the_run(tmp_path: Path) -> None:
    assert_the_run_goes_on(CASES["nasty"], captured, (Outcomes, "_split"), tmp_path, eq)
