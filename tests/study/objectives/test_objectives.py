"""Objectives: observers, arrays, plain loops and other libraries come to the same."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import empyrical
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings

from capture import hookimpl
from capture.contracts.info import ObjectiveInfo
from capture.host import Host, use_host
from capture.study.objectives import DEFAULT, objective
from capture.study.objectives.observing import Calendar, Objective
from capture.study.portfolio.account import account_of
from capture.study.portfolio.replay import evaluate
from capture.study.portfolio.settings import PortfolioSettings
from capture.study.portfolio.sparse import SparseReplay
from tests.study.portfolio.worlds import World, portfolios, worlds

if TYPE_CHECKING:
    from collections.abc import Iterator

CLOSE = 1e-9
DAY = 86_400 * 10**9


def _played(
    name: str, equity: list[float], profits: list[float] = (), cash: float = 100.0
) -> float:  # type: ignore[assignment]
    """Return what an observer says of a step a day."""
    one = objective(name)()
    one.on_start(cash, Calendar(252.0, True, len(equity) / 365.25))
    for profit in profits:
        one.on_trade("A", profit)
    for day, value in enumerate(equity):
        one.on_step((day + 1) * DAY, value)
    return float(one.value())


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(world=worlds(), one=portfolios())
def test_an_observer_says_what_arrays_say(world: World, one: PortfolioSettings) -> None:
    replay = SparseReplay(world.market, world.signals)
    result = evaluate({"it": replay}, [one], [objective(name) for name in DEFAULT])
    account = account_of(replay, one)
    for name in DEFAULT:
        told = account.play(objective(name)(), replay.calendar)
        assert told == pytest.approx(result.objectives[name][0], rel=1e-7, abs=CLOSE, nan_ok=True)


def _walk(seed: int, days: int = 300) -> list[float]:
    random = np.random.default_rng(seed)
    return (100.0 * np.exp(np.cumsum(random.normal(0.0003, 0.01, days)))).tolist()


@pytest.mark.parametrize("seed", range(5))
def test_values_are_those_of_empyrical(seed: int) -> None:
    equity = _walk(seed)
    returns = pd.Series([100.0, *equity]).pct_change().dropna()
    assert _played("sharpe", equity) == pytest.approx(empyrical.sharpe_ratio(returns))
    assert _played("sortino", equity) == pytest.approx(empyrical.sortino_ratio(returns))
    assert _played("max_drawdown", equity) == pytest.approx(-empyrical.max_drawdown(returns))
    assert _played("total_return", equity) == pytest.approx(empyrical.cum_returns_final(returns))


def test_values_are_those_of_a_plain_loop() -> None:
    equity, profits = _walk(9, 40), [3.0, -1.0, 0.0, 2.0, -4.0]
    returns = [b / a - 1 for a, b in zip([100.0, *equity], equity, strict=False)]
    mean = sum(returns) / len(returns)
    spread = math.sqrt(sum((r - mean) ** 2 for r in returns) / (len(returns) - 1))
    assert _played("sharpe", equity) == pytest.approx(mean / spread * math.sqrt(252))
    peak, deepest = 100.0, 0.0
    for value in equity:
        peak = max(peak, value)
        deepest = max(deepest, (peak - value) / peak)
    assert _played("max_drawdown", equity) == pytest.approx(deepest)
    assert _played("profit_factor", equity, profits) == 1.0
    assert _played("win_rate", equity, profits) == 0.4
    years = len(equity) / 365.25
    assert _played("cagr", equity) == pytest.approx((equity[-1] / 100) ** (1 / years) - 1)
    assert _played("calmar", equity) == pytest.approx(_played("cagr", equity) / deepest)


@pytest.mark.parametrize(
    ("name", "equity", "profits", "expected"),
    [
        ("total_return", [100.0] * 5, [], 0.0),
        ("max_drawdown", [100.0] * 5, [], 0.0),
        ("sharpe", [100.0] * 5, [], math.nan),
        ("sharpe", [101.0], [], math.nan),
        ("sharpe", [], [], math.nan),
        ("sortino", [101.0, 102.0, 103.0], [], math.nan),
        ("sortino", [], [], math.nan),
        ("sharpe", [50.0, -10.0, 5.0], [], math.nan),
        ("sortino", [50.0, -10.0, 5.0], [], math.nan),
        ("calmar", [101.0, 102.0], [], math.nan),
        ("cagr", [-5.0], [], -1.0),
        ("profit_factor", [100.0], [], math.nan),
        ("profit_factor", [100.0], [2.0], math.inf),
        ("profit_factor", [100.0], [-2.0], 0.0),
        ("profit_factor", [100.0], [0.0], math.nan),
        ("win_rate", [100.0], [], math.nan),
    ],
)
def test_what_is_not_defined_is_said_so(
    name: str, equity: list[float], profits: list[float], expected: float
) -> None:
    assert _played(name, equity, profits) == pytest.approx(expected, nan_ok=True)


def test_a_ruined_portfolio_has_no_sharpe_in_arrays_either() -> None:
    from capture.study.objectives.observing import Performance

    row = np.zeros(1)
    periods = np.array([[50.0, -10.0, 5.0]])
    performance = Performance(
        row + 100, row + 5, row + 1.1, row, row, row, row, row, row, periods, Calendar()
    )
    assert math.isnan(objective("sharpe").of(performance)[0])
    assert math.isnan(objective("sortino").of(performance)[0])


class Turnover(Objective):
    """What was bought and sold, as a multiple of the cash at the start."""

    name = "turnover"
    direction = "minimise"

    def on_start(self, cash: float, calendar: Calendar) -> None:
        self._cash, self._traded = cash, 0.0

    def on_fill(self, symbol: str, units: float, price: float, cost: float) -> None:
        self._traded += abs(units) * price

    def value(self) -> float:
        return self._traded / self._cash


class Plugin:
    @hookimpl
    def register_objectives(self) -> Iterator[ObjectiveInfo]:
        yield ObjectiveInfo("turnover", load=lambda: Turnover)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(world=worlds(), one=portfolios())
def test_an_objective_of_a_plugin_observes_every_portfolio(
    world: World, one: PortfolioSettings
) -> None:
    host = Host([])
    host.register(Plugin())
    with use_host(host):
        measure: Any = objective("turnover")
    replay = SparseReplay(world.market, world.signals)
    result = evaluate({"it": replay}, [one], [measure])
    fills = account_of(replay, one).fills()
    expected = (fills["units"].abs() * fills["price"]).sum() / one.cash
    assert result.objectives["turnover"][0] == pytest.approx(expected)
    assert result.directions == {"turnover": "minimise"}
