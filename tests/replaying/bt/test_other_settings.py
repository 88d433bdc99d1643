"""Under other settings: exact where the strategy was blind to its portfolio, refused where not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import bt
import pytest

import capture
from capture.errors import ClosedLoop
from tests.adapters.bt.runs import CASES, Case, captured, dollars, four, share

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from capture.store.recording import Recording

pytestmark = [pytest.mark.host, pytest.mark.filterwarnings("ignore::RuntimeWarning")]

OTHER: Mapping[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "less capital": ({"initial_capital": 7_000.0}, {}),
    "commissions": ({"commissions": lambda q, p: abs(q) * p * 0.004}, {}),
    "dollars a trade": ({"commissions": lambda q, p: 2.0 + abs(q) * 0.01}, {}),
    "parts of units": ({"integer_positions": False, "initial_capital": 33_333.0}, {}),
    "a spread": ({}, {"bidoffer": lambda prices: prices * 0.004}),
    "all at once": (
        {"initial_capital": 9_999.0, "commissions": dollars, "integer_positions": False},
        {"bidoffer": lambda prices: prices * 0.002},
    ),
}
BLIND = (
    "SMA cross, GOOG",
    "SMA cross, EURUSD, costs",
    "SMA cross, four assets",
    "by volatility",
    "momentum",
    "sleeves",
    "every verb",
    "a verb of its own",
    "matured",
    "bonds",
    "blotter",
)
SEEING = {
    "nested": "strategy.universe",
    "over time": "security.weight",
    "looking": "security.position",
    "limits": "security.weight",
    "rolled": "security.position",
    "margin": "strategy.capital",
}


def _elsewhere(case: Case, settings: Mapping[str, Any], more: Mapping[str, Any]) -> Case:
    return replace(case, settings={**case.settings, **settings}, more={**case.more, **more})


@pytest.mark.slow
@pytest.mark.parametrize("name", BLIND)
def test_an_open_loop_replays_as_a_fresh_run_under_other_settings(
    name: str, tmp_path: Path
) -> None:
    case = CASES[name]
    original, recording = captured(case, tmp_path)
    assert _reads(recording) == []
    replay = capture.replay(recording).into("bt")
    differing = 0
    for changed, (settings, more) in OTHER.items():
        other = _elsewhere(case, settings, more)
        fresh = other()
        assert other(lambda _: replay) == fresh, changed
        differing += fresh != original
    assert differing >= 4


@pytest.mark.parametrize("name", SEEING)
def test_a_closed_loop_is_refused_elsewhere_and_the_first_other_bar_is_named_when_forced(
    name: str, tmp_path: Path
) -> None:
    case = CASES[name]
    results, recording = captured(case, tmp_path)
    assert SEEING[name] in _reads(recording)
    other = _elsewhere(case, {"initial_capital": 61_000.0, "commissions": share}, {})
    replay = capture.replay(recording)
    with pytest.raises(ClosedLoop, match="initial_capital"):
        other(lambda _: replay.into("bt"))
    other(lambda _: replay.into("bt", force=True))
    divergence = replay.divergence
    assert divergence is not None
    signals = recording.signals().set_index("bar_index")
    assert divergence.bar_index in signals.index
    assert case(lambda _: capture.replay(recording).into("bt")) == results


def _reads(recording: Recording) -> list[str]:
    [part] = recording.parts
    reads: list[str] = (part.record or {})["flags"].get("closed_loop", [])
    return reads


class Looks(bt.Algo):
    """Looks once, when something is held."""

    def __init__(self, look: Callable[[Any], Any]) -> None:
        super().__init__()
        self.look = look

    def __call__(self, target: Any) -> bool:
        if len(target.universe) == 60:
            self.look(target)
        return True


LOOKS: dict[str, Callable[[Any], Any]] = {
    "strategy.value": lambda t: t.value,
    "strategy.capital": lambda t: t.capital,
    "strategy.price": lambda t: t.price,
    "strategy.prices": lambda t: t.prices,
    "strategy.values": lambda t: t.values,
    "strategy.cash": lambda t: t.cash,
    "strategy.fees": lambda t: t.fees,
    "strategy.flows": lambda t: t.flows,
    "strategy.positions": lambda t: t.positions,
    "strategy.outlays": lambda t: t.outlays,
    "strategy.notional_value": lambda t: t.notional_value,
    "strategy.get_transactions": lambda t: t.get_transactions(),
    "strategy.data": lambda t: t.data,
    "security.position": lambda t: t["A"].position,
    "security.positions": lambda t: t.children["A"].positions,
    "security.value": lambda t: t.children.get("A").value,
    "security.weight": lambda t: t.securities[0].weight,
    "security.outlays": lambda t: next(m for m in t.members if m.name == "A").outlays,
}


@pytest.mark.parametrize("name", LOOKS)
def test_every_look_at_the_portfolio_is_noticed(name: str, tmp_path: Path) -> None:
    algos = [bt.algos.RunMonthly(), bt.algos.SelectAll(), bt.algos.WeighEqually()]

    def made(_prices: Any) -> Any:
        look = bt.algos.run_always(Looks(LOOKS[name]))
        return bt.Strategy("looks", [*algos, bt.algos.Rebalance(), look])

    case = Case(made, four)
    plain = case()
    results, recording = captured(case, tmp_path)
    assert results == plain
    assert name in _reads(recording)


def test_prices_and_the_calendar_are_no_portfolio(tmp_path: Path) -> None:
    def looks(target: Any) -> None:
        _ = target.universe, target.now, target["A"].price, target["A"].prices, target.temp
        _ = list(target.children), target.name

    def made(_prices: Any) -> Any:
        algos = [bt.algos.run_always(Looks(looks)), bt.algos.RunMonthly(), bt.algos.SelectAll()]
        return bt.Strategy("blind", [*algos, bt.algos.WeighEqually(), bt.algos.Rebalance()])

    _, recording = captured(Case(made, four), tmp_path)
    assert _reads(recording) == []
    assert len(recording.signals())


def test_a_security_that_was_kept_is_still_heard(tmp_path: Path) -> None:
    held: list[Any] = []

    def keeps(target: Any) -> bool:
        bar = len(target.universe)
        if bar == 5:
            target.rebalance(0.5, "A")
            held.append(target["A"])
        elif bar == 50:
            held[-1].transact(3)
        elif bar == 80 and held[-1].position > 1:
            held[-1].transact(-1)
        return True

    case = Case(lambda _: bt.Strategy("keeps", [keeps]), four)
    results, recording = captured(case, tmp_path)
    assert recording.orders()["call"].tolist() == ["rebalance", "transact", "transact"]
    assert _reads(recording) == ["security.position"]
    assert case(lambda _: capture.replay(recording).into("bt")) == results
