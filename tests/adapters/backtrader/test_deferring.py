"""Fills that are recorded a block at a time are those that are recorded as they happen."""

from __future__ import annotations

from operator import eq
from random import Random
from typing import TYPE_CHECKING, Any

import backtrader as bt
import pytest

import capture
from capture.errors import NotReplayable
from capture_backtrader.trading import Trading
from tests.adapters.backtrader import strategies as s
from tests.adapters.backtrader.runs import CASES, Case, a_year, captured
from tests.adapters.listening import Listener, listening
from tests.adapters.misreading import assert_the_run_goes_on
from tests.adapters.telling import told

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.host

DEFERRED = (
    "nasty, at every bar",
    "nasty, hours",
    "nasty, no short cash",
    "nasty, on close",
    "nasty, unchecked",
    "brackets, on close",
    "reacting, hours",
    "at the open",
    "targets",
    "an order at every bar",
    "a sizer that reverses",
    "out of money",
    "own verbs",
    "notes",
    "nasty, futures",
)
AT_ONCE = (
    "nasty, partial fills",
    "nasty, quick notes",
    "feeds of three lengths",
    "many indicators, little memory",
    "a replayed feed, an order at every tick",
)
TABLES = ("signals", "orders", "fills", "statuses", "trades", "equity", "notes")


def heard_and_not(case: Case, folder: Path, buffer_size: int = 4096) -> tuple[Any, Any, Listener]:
    """Return the recordings of a run without a listener and of one with it."""
    results, later = captured(case, folder / "later", buffer_size=buffer_size)
    with listening() as listener:
        same, now = captured(case, folder / "now", buffer_size=buffer_size)
    assert results == same
    return later, now, listener


@pytest.mark.parametrize("name", [*DEFERRED, *AT_ONCE])
def test_deferred_fills_are_those_that_are_heard(name: str, tmp_path: Path) -> None:
    later, now, listener = heard_and_not(CASES[name], tmp_path)
    for table in TABLES:
        assert told(later, table) == told(now, table), table
    stored = now.table("fills").to_pylist()
    assert len(stored) > 3
    heard = [(each.seq, each.price, each.to_dict()["signal_id"]) for each in listener.heard]
    assert heard == [(row["seq"], row["price"], row["signal_id"]) for row in stored]
    assert "fills_missing_after_seq" not in later.manifest["flags"]


def numbers(recording: Any, table: str) -> list[int]:
    """Return the numbers of a table's events."""
    found: list[int] = recording.table(table).column("seq").to_pylist()
    return found


def test_fills_come_in_blocks_unless_somebody_listens(tmp_path: Path) -> None:
    later, now, _ = heard_and_not(CASES["an order at every bar"], tmp_path, 8)
    assert told(later, "fills") == told(now, "fills")
    late, prompt = (
        [
            each - order
            for each, order in zip(numbers(it, "fills"), numbers(it, "orders"), strict=False)
        ]
        for it in (later, now)
    )
    assert max(late) > max(prompt)


class Breaks(s.AlwaysTrading):
    """Raises on a bar of its choice."""

    def next(self) -> None:
        """Trade, until it is over."""
        if len(self) == 100:
            raise ZeroDivisionError
        super().next()


def test_a_run_that_raises_has_the_fills_up_to_there(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        captured(Case(Breaks, a_year), tmp_path)
    recording = capture.open(tmp_path).latest()
    assert recording.state == "failed"
    _, whole = captured(Case(s.AlwaysTrading, a_year), tmp_path / "whole")
    mine, theirs = (told(each, "fills") for each in (recording, whole))
    before = [row for row in theirs if row["bar_index"] < 100]
    for row in (*mine, *before):
        row.pop("strategy_id")
    assert mine == before
    assert len(mine) > 50
    assert "fills_missing_after_seq" not in recording.manifest["flags"]


class Numbered(bt.Strategy):
    """Trades; from some bar on with a number of a trade of its own."""

    params = (("since", 0),)

    def next(self) -> None:
        """Open on odd bars and close on even ones."""
        words = {"tradeid": 1} if len(self) >= self.p.since else {}
        if len(self) % 2:
            self.buy(size=2, **words)
        else:
            self.close(**words)


@pytest.mark.parametrize("since", [0, 60])
def test_from_the_first_numbered_trade_on_fills_are_recorded_as_they_happen(
    since: int, tmp_path: Path
) -> None:
    later, now, _ = heard_and_not(Case(Numbered, a_year, params={"since": since}), tmp_path)
    for table in TABLES:
        assert told(later, table) == told(now, table), table
    frames = {name: later.table(name).to_pandas() for name in ("orders", "fills")}
    signal_of = frames["orders"].set_index("signal_id")
    behind = (
        frames["fills"]["seq"].to_numpy()
        - signal_of.loc[frames["fills"]["signal_id"], "seq"].to_numpy()
    )
    numbered = frames["fills"]["decision_bar"].to_numpy() >= since
    assert numbered.sum() > 50
    assert behind[numbered].max() <= 2
    assert (behind[~numbered].max(initial=0) > 50) == (since > 0)


class PastItsVerbs(bt.Strategy):
    """Gives the broker an order without asking its own verbs."""

    def next(self) -> None:
        """Buy twice, once past the strategy."""
        if len(self) == 10:
            self.buy(size=1)
            self.broker.buy(self, self.data, size=2)


def test_orders_past_the_strategy_are_named_and_their_fills_recorded(tmp_path: Path) -> None:
    later, now, _ = heard_and_not(Case(PastItsVerbs, a_year), tmp_path)
    for recording in (later, now):
        flags = recording.manifest["flags"]
        assert flags["unheard_orders"] == 1
        assert flags["not_captured"] == ["orders given to the broker directly"]
        fills = recording.table("fills").to_pylist()
        assert [(row["size"], row["signal_id"] is None) for row in fills] == [
            (1.0, False),
            (2.0, True),
        ]
    assert told(later, "fills") == told(now, "fills")
    with pytest.raises(NotReplayable, match="given to the broker directly"):
        Case(capture.replay(later).into("backtrader"), a_year)()


class Erratic(bt.Strategy):
    """Does at random what a position can be made to do."""

    params = (("seed", 0), ("whole", True))

    def __init__(self) -> None:
        """Begin the chances."""
        self.chances = Random(self.p.seed)

    def next(self) -> None:
        """Buy, sell, close, or nothing of it."""
        chances = self.chances
        size = chances.randint(1, 40)
        size = size if self.p.whole else size / 10
        verb = chances.choice((self.buy, self.sell, self.close, None))
        if verb is not None:
            verb(**({} if verb == self.close else {"size": size}))


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("seed", range(6))
def test_fills_of_an_erratic_strategy_are_the_same_however_they_are_read(
    seed: int, whole: bool, tmp_path: Path
) -> None:
    settings = {"cash": 6_000.0, "commission": {"commission": 0.001}, "shortcash": seed % 2 == 0}
    case = Case(Erratic, a_year, settings, params={"seed": seed, "whole": whole})
    later, now, _ = heard_and_not(case, tmp_path, 24 + seed)
    for table in TABLES:
        assert told(later, table) == told(now, table), table
    effects = {row["effect"] for row in now.table("fills").to_pylist()}
    assert effects == {"open", "reduce", "close"}
    assert now.table("trades").num_rows > 20


def test_what_cannot_be_read_stops_the_recording_and_not_the_run(tmp_path: Path) -> None:
    case, place = CASES["an order at every bar"], (Trading, "settle")
    assert_the_run_goes_on(case, captured, place, tmp_path, eq)
