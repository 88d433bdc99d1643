"""Signals that depend on the portfolio are found, also where no property was read."""

from __future__ import annotations

import json
import os
import random
from typing import TYPE_CHECKING, Any

import pytest

import capture
from capture.contracts.perturbing import PERTURB, PERTURBATIONS, Rehearsal, rehearsal
from capture.errors import ConfigError, NotReplayable, RunNotFound, UnknownName
from tests.adapters import strategies as s
from tests.adapters.runs import CASES, Case, goog, recordings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.host

CASH = {"cash": 10_000}


@pytest.fixture
def check(tmp_path: Path) -> Callable[..., capture.ReplayCheck]:
    """Check a case whose strategy is wrapped for the store `tmp_path / "mine"`."""

    def check(case: Case, **options: Any) -> capture.ReplayCheck:
        def run() -> Any:
            return case(lambda strategy: capture.wrap(strategy, store=tmp_path / "mine"))

        return capture.check_replay(run, **options)

    return check


# --- strategies that ignore their portfolio ------------------------------------------------------

IGNORING = {
    "SMA cross": Case(s.SmaCross, goog, CASH),
    "with costs": Case(s.SmaCross, goog, {"cash": 10_000, "commission": (2.0, 0.002)}),
    "reversing": Case(s.Reversing, goog, CASH),
    "fractional": CASES["fractional"],
    "no signals": CASES["no signals"],
    "orders before the first bar": CASES["orders before the first bar"],
    "refused by its own filter": CASES["notes"],
    "out of money under any setting": CASES["out of money"],
}


@pytest.mark.parametrize("name", IGNORING)
def test_signals_of_a_strategy_that_ignores_its_portfolio_do_not_change(
    name: str, check: Callable[..., capture.ReplayCheck]
) -> None:
    found = check(IGNORING[name])
    assert found.independent, str(found)
    assert found.first_change is None
    assert [outcome.perturbation for outcome in found.outcomes] == list(PERTURBATIONS)
    assert all(outcome.settings for outcome in found.outcomes)
    assert all(outcome.strategies == 1 for outcome in found.outcomes)


def test_each_perturbation_is_one_setting_of_the_host(
    check: Callable[..., capture.ReplayCheck],
) -> None:
    found = check(Case(s.SmaCross, goog, {"cash": 10_000, "commission": 0.002}))
    assert {outcome.perturbation: outcome.settings for outcome in found.outcomes} == {
        "cash": ("cash 10000 -> 100000.0",),
        "little_cash": ("cash 10000 -> 1000.0",),
        "commission": ("commission 0.002 -> 0.012",),
        "slippage": ("spread 0.0 -> 0.01",),
        "fill_on_close": ("trade_on_close False -> True",),
    }


# --- strategies that look at it ------------------------------------------------------------------


class StopsWhenRich(s.SmaCross):
    """Reads its equity, which the recorder notices as well."""

    def next(self) -> None:
        if self.equity < 11_000:
            super().next()


class HalvesAfterLoss(s.SmaCross):
    """Gives the same signals, of another size."""

    def next(self) -> None:
        closed = self.closed_trades
        self.size = 0.25 if closed and closed[-1].pl < 0 else 0.5
        super().next()

    def buy(self, **said: Any) -> Any:
        return super().buy(size=self.size, **said)


class Sneaky(s.SmaCross):
    """Looks at its portfolio where no property tells: at the host's own broker."""

    def next(self) -> None:
        if self._broker._cash > 5_000:
            super().next()


LEDGER: list[float] = []


class Gossip(s.SmaCross):
    """Knows of its fills by a commission function that tells a global list."""

    def init(self) -> None:
        LEDGER.clear()
        super().init()

    def next(self) -> None:
        if int(sum(LEDGER)) % 5 != 4 or len(self.data) % 3 == 0:
            super().next()


def tell(size: float, price: float) -> float:
    """Charge nothing, and remember what was traded."""
    LEDGER.append(abs(size) * price / 100)
    return 0.0


@pytest.mark.parametrize(
    "case",
    [
        Case(StopsWhenRich, goog, CASH),
        Case(HalvesAfterLoss, goog, CASH),
        CASES["vector signals, GOOG"],  # the host's own SignalStrategy closes trade by trade
    ],
    ids=lambda case: case.strategy.__name__,
)
def test_signals_that_follow_the_portfolio_are_found(
    case: Case, check: Callable[..., capture.ReplayCheck]
) -> None:
    found = check(case)
    assert not found.independent
    assert found.first_change is not None


@pytest.mark.parametrize(
    "case",
    [Case(Sneaky, goog, CASH), Case(Gossip, goog, {**CASH, "commission": tell})],
    ids=["a private attribute", "a global list"],
)
def test_so_are_those_of_a_strategy_whose_reads_nobody_can_see(
    case: Case, check: Callable[..., capture.ReplayCheck], tmp_path: Path
) -> None:
    case(lambda strategy: capture.wrap(strategy, store=tmp_path / "seen"))
    [recording] = recordings(tmp_path / "seen")
    assert "closed_loop" not in recording.manifest["flags"], "the recorder saw nothing"
    assert not check(case).independent


def test_the_first_signal_that_changes_is_named(
    check: Callable[..., capture.ReplayCheck], tmp_path: Path
) -> None:
    case = Case(Sneaky, goog, CASH)
    found = check(case, perturbations=["little_cash"])
    case(lambda strategy: capture.wrap(strategy, store=tmp_path / "plain"))
    first = recordings(tmp_path / "plain")[0].signals().iloc[0]
    change = found.first_change  # with 1000 it never has more than 5000, and gives no signal
    assert change is not None
    assert (change.perturbation, change.strategy_id) == ("little_cash", "Sneaky")
    assert change.settings == ("cash 10000 -> 1000.0",)
    assert change.bar_index == first["bar_index"]
    assert change.timestamp == first["timestamp"].isoformat()
    assert change.original is not None
    assert change.perturbed is None
    assert f"bar {change.bar_index} " in str(change)
    assert "with cash 10000 -> 1000.0 nothing" in str(found)


def test_a_change_is_that_of_the_earliest_bar_whatever_was_tried_first(
    check: Callable[..., capture.ReplayCheck],
) -> None:
    found = check(Case(StopsWhenRich, goog, CASH))
    bars = [o.change.bar_index for o in found.outcomes if o.change is not None]
    assert len(bars) > 1
    assert found.first_change is not None
    assert found.first_change.bar_index == min(bars)


def test_the_outcome_is_plain_values(check: Callable[..., capture.ReplayCheck]) -> None:
    said = json.loads(json.dumps(check(Case(Sneaky, goog, CASH)).to_dict()))
    assert said["independent"] is False
    assert said["first_change"]["strategy_id"] == "Sneaky"
    assert [outcome["perturbation"] for outcome in said["outcomes"]] == list(PERTURBATIONS)


# --- what cannot be told -------------------------------------------------------------------------


class Random(s.SmaCross):
    """Trades at random, another way each time."""

    def next(self) -> None:
        if random.random() < 0.05:
            self.buy()


def test_signals_that_are_random_tell_nothing(check: Callable[..., capture.ReplayCheck]) -> None:
    with pytest.raises(NotReplayable, match="give its random numbers a seed"):
        check(Case(Random, goog, CASH))


def test_a_run_that_is_not_recorded_tells_nothing() -> None:
    with pytest.raises(RunNotFound, match="wrap the strategy"):
        capture.check_replay(Case(s.SmaCross, goog, CASH))


def test_a_host_whose_settings_cannot_be_perturbed_is_named(tmp_path: Path) -> None:
    def by_hand() -> None:
        config = capture.SignalCaptureConfig(storage_path=tmp_path / "mine")
        with capture.SignalCaptureEngine(config) as engine:
            moment = {"timestamp": 10**18, "strategy_id": "mine"}
            engine.capture_signal({"symbol": "GOOG", "direction": 1}, moment)

    with pytest.raises(NotReplayable, match="cannot be perturbed"):
        capture.check_replay(by_hand)


def test_a_misspelt_perturbation_is_refused(check: Callable[..., capture.ReplayCheck]) -> None:
    with pytest.raises(UnknownName, match='Did you mean "commission"'):
        check(Case(s.SmaCross, goog, CASH), perturbations=["comission"])


def test_an_error_under_the_users_own_settings_reaches_the_user(
    check: Callable[..., capture.ReplayCheck],
) -> None:
    with pytest.raises(RuntimeError, match="no more"):
        check(CASES_THAT_RAISE["always"])
    assert rehearsal() is None


def test_an_error_under_other_settings_alone_is_told_beside_the_others(
    check: Callable[..., capture.ReplayCheck],
) -> None:
    found = check(CASES_THAT_RAISE["when poor"])
    told = {outcome.perturbation: outcome.problem for outcome in found.outcomes}
    assert told.pop("little_cash") == "RuntimeError: no more"
    assert set(told.values()) == {None}


class Raising(s.SmaCross):
    """Gives up."""

    def next(self) -> None:
        super().next()
        if len(self.data) > 500:
            raise RuntimeError("no more")


class RaisingWhenPoor(s.SmaCross):
    """Gives up where there never was much money."""

    def init(self) -> None:
        super().init()
        self.poor = self._broker._cash < 5_000

    def next(self) -> None:
        super().next()
        if len(self.data) > 500 and self.poor:
            raise RuntimeError("no more")


CASES_THAT_RAISE = {
    "always": Case(Raising, goog, CASH),
    "when poor": Case(RaisingWhenPoor, goog, CASH),
}


# --- what is left behind -------------------------------------------------------------------------


def test_nothing_is_left_behind_and_no_store_of_the_users_is_touched(
    check: Callable[..., capture.ReplayCheck], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    monkeypatch.setattr("tempfile.tempdir", None)
    (tmp_path / "temporary").mkdir()
    case = Case(s.SmaCross, goog, CASH)
    case(lambda strategy: capture.wrap(strategy, store=tmp_path / "mine"))
    mine = {p: p.stat().st_mtime_ns for p in (tmp_path / "mine").rglob("*")}
    check(case)
    assert {p: p.stat().st_mtime_ns for p in (tmp_path / "mine").rglob("*")} == mine
    assert list((tmp_path / "temporary").iterdir()) == []
    assert PERTURB not in os.environ


def test_the_backtest_is_the_same_afterwards(tmp_path: Path) -> None:
    case = Case(s.SmaCross, goog, CASH)
    backtest = case.backtest(lambda strategy: capture.wrap(strategy, store=tmp_path))
    before = dict(backtest._broker.keywords)
    from tests.adapters.runs import run

    assert capture.check_replay(lambda: run(backtest)).independent
    assert dict(backtest._broker.keywords) == before
    plain = run(backtest)
    assert plain["Equity Final [$]"] == case()["Equity Final [$]"]
    [recording] = recordings(tmp_path)
    assert recording.manifest["settings"]["cash"] == 10_000


def test_what_a_script_reads_back_is_what_it_recorded_during_the_check(tmp_path: Path) -> None:
    place, counts = tmp_path / "mine", []

    def run() -> None:
        Case(s.SmaCross, goog, CASH)(lambda strategy: capture.wrap(strategy, store=place))
        counts.append(len(capture.open(place).runs()))

    assert capture.check_replay(run).independent
    assert counts == [1] * (2 + len(PERTURBATIONS))
    assert not place.exists()


def test_a_replay_inside_the_script_is_neither_perturbed_nor_compared(tmp_path: Path) -> None:
    place, certified = tmp_path / "mine", []
    case = Case(s.SmaCross, goog, CASH)

    def run() -> None:
        case(lambda strategy: capture.wrap(strategy, store=place))
        recording = capture.open(place).latest()
        case(lambda _: capture.replay(recording).into("backtesting", store=place))
        certified.append(capture.open(place).latest("replay").manifest["settings"]["cash"])

    found = capture.check_replay(run, perturbations=["cash"])
    assert found.independent
    assert found.strategies == ("SmaCross",)
    assert certified == [10_000] * 3


# --- the variable --------------------------------------------------------------------------------


def test_a_rehearsal_is_read_as_it_was_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from capture.contracts.perturbing import Perturbation

    for told in (Rehearsal(None, tmp_path), Rehearsal(Perturbation("cash", 10.0), None)):
        monkeypatch.setenv(PERTURB, told.to_text())
        assert rehearsal() == told


@pytest.mark.parametrize("text", ["cash", "[1]", '{"cash": "much"}', '{"luck": 3}'])
def test_what_cannot_be_understood_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PERTURB, text)
    with pytest.raises(ConfigError, match=PERTURB):
        rehearsal()
