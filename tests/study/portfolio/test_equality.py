"""The sparse replay and the built-in backtester say the same of random worlds, to the last bit."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from capture.study.portfolio import coding as c
from capture.study.portfolio import kernel
from capture.study.portfolio.account import account_of
from capture.study.portfolio.settings import PortfolioSettings
from capture.study.portfolio.sparse import SparseReplay
from capture.study.portfolio.verdicts import Verdict
from tests.study.portfolio.worlds import Said, World, event_driven, portfolios, worlds

ENGINES = ["numpy", "numba"]
TOTALS = ("final", "deepest", "costs", "fills", "trades", "wins", "won", "lost")


def _said(replay: SparseReplay, counts: Any) -> Counter[tuple[str, str]]:
    found: Counter[tuple[str, str]] = Counter()
    for verdict in Verdict:
        word = str(verdict.reason)
        if counts[verdict]:
            found[word, verdict.word if word == "risk_limit" else ""] += int(counts[verdict])
    return found


def _assert_same(world: World, one: PortfolioSettings, said: Said) -> None:
    replay = SparseReplay(world.market, world.signals)
    account = account_of(replay, one)
    fills = account.fills()
    rows = [
        (row.symbol, row.bar_index, row.units, row.price, row.commission, row.position_after)
        for row in fills.itertuples()
    ]
    assert rows == said.fills
    assert account.equity_values.tolist() == said.equity
    mine = account.trades().to_dict("records")
    for row, theirs in zip(mine, said.trades, strict=True):
        for name in ("symbol", "size", "entry_bar", "entry_price", "commission"):
            assert row[name] == theirs[name]
        closed = theirs["exit_bar"] is not None
        for name in ("exit_bar", "exit_price", "profit"):
            assert row[name] == theirs[name] if closed else pd.isna(row[name])
    for engine in ENGINES:
        traded = replay.trade([one], engine=engine)
        assert traded.performance.final[0] == said.equity[-1]
        assert traded.performance.deepest[0] == said.portfolio.ledger.deepest
        assert traded.performance.fills[0] == said.portfolio.ledger.fills
        assert traded.performance.costs[0] == said.portfolio.ledger.costs
        assert _said(replay, traded.verdicts[0]) == said.verdicts


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(world=worlds(), one=portfolios())
def test_fills_trades_equity_and_verdicts_are_those_of_the_event_driven_replay(
    world: World, one: PortfolioSettings
) -> None:
    _assert_same(world, one, event_driven(world, one))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(world=worlds(), many=st.lists(portfolios(), min_size=1, max_size=8))
def test_compiled_loops_plain_loops_and_numpy_say_the_same_of_many(
    world: World, many: list[PortfolioSettings]
) -> None:
    replay = SparseReplay(world.market, world.signals)
    numpy, numba = (replay.trade(many, engine=engine) for engine in ENGINES)  # type: ignore[arg-type]
    for name in (*TOTALS, "periods"):
        one, other = getattr(numpy.performance, name), getattr(numba.performance, name)
        np.testing.assert_array_equal(one, other, strict=True)
    np.testing.assert_array_equal(numpy.verdicts, numba.verdicts)
    for row, one in enumerate(many):
        plan = replay.schedule(one.fill, peaks=one.max_drawdown is not None)
        numbers = c.coded([one])
        desk = c.desk(plan, numbers)
        kernel.trade(numbers, plan, desk)
        for name, total in zip(TOTALS, desk.totals[:, 0], strict=True):
            assert getattr(numba.performance, name)[row] == total
        assert desk.days[:, 0].tolist() == numba.performance.periods[row].tolist()
        assert desk.verdicts[:, 0].tolist() == numba.verdicts[row].tolist()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(world=worlds(), one=portfolios())
def test_what_days_end_with_and_drawdowns_are_those_of_equity_at_every_step(
    world: World, one: PortfolioSettings
) -> None:
    replay = SparseReplay(world.market, world.signals)
    performance = replay.trade([one]).performance
    equity = account_of(replay, one).equity_values
    peaks = np.maximum.accumulate(np.maximum(equity, one.cash))
    assert performance.deepest[0] == max((1.0 - equity / peaks).max(), 0.0)
    assert performance.periods[0].tolist() == equity[world.market.day_ends].tolist()
