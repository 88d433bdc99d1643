"""The scenarios in pybroker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pybroker
from pybroker import FeeMode, Strategy, StrategyConfig

import capture
from benchmarks.across.scenarios import CASH, COMMISSION, FAST, SLOW, STOP, TAKE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from benchmarks.across.scenarios import Scenario
    from capture.replaying.replay import Replay

__all__ = ["HOST"]

pybroker.disable_logging()
pybroker.disable_progress_bar()


def _crossed(ctx: Any) -> int:
    """Return 1 when the fast average came from below, -1 when it came from above."""
    if ctx.bars <= SLOW:
        return 0
    close = ctx.close
    now = close[-FAST:].mean() - close[-SLOW:].mean()
    before = close[-FAST - 1 : -1].mean() - close[-SLOW - 1 : -1].mean()
    return int(now > 0.0 >= before) - int(now < 0.0 <= before)


def _held(ctx: Any) -> int:
    position = ctx.long_pos() or ctx.short_pos()
    return 0 if position is None else int(position.shares)


def _turn(ctx: Any, side: int, shares: int) -> None:
    """Leave what is held, and enter the other side: an execution has one order for a bar."""
    if side > 0:
        ctx.buy_shares = _held(ctx) + shares
    else:
        ctx.sell_shares = _held(ctx) + shares


def cross(ctx: Any, units: int = 0) -> None:
    side = _crossed(ctx)
    if side:
        _turn(ctx, side, units)


def brackets(ctx: Any) -> None:
    side = _crossed(ctx)
    if side > 0 and not ctx.long_pos():
        ctx.buy_shares = ctx.calc_target_shares(0.5)
        ctx.stop_loss_pct, ctx.stop_profit_pct = STOP * 100, TAKE * 100
    elif side < 0:
        ctx.set_target_shares(0, dir="long")  # also when a stop has closed it before


def reversals(ctx: Any) -> None:
    side = _crossed(ctx)
    if side:
        _turn(ctx, side, ctx.calc_target_shares(0.5))


_STRATEGIES: dict[str, Callable[..., None]] = {
    "cross": cross,
    "brackets": brackets,
    "reversals": reversals,
}


class _Pybroker:
    name = "pybroker"

    def record(self, scenario: Scenario, store: Path) -> None:
        """Run the scenario, captured into the store."""
        words = {"units": int(scenario.units)} if scenario.units else {}
        execution = capture.wrap(_STRATEGIES[scenario.kind], store=store)
        self._run(execution, scenario, **words)

    def replay(self, replay: Replay, scenario: Scenario, store: Path) -> None:
        """Run a replay on the scenario's market, recorded into the store."""
        self._run(replay.into(self.name, store=store, force=True), scenario)

    def _run(self, execution: Any, scenario: Scenario, **words: Any) -> None:
        bars = scenario.bars.rename(columns=str.lower).rename_axis("date").reset_index()
        config = StrategyConfig(
            initial_cash=CASH,
            fee_mode=FeeMode.ORDER_PERCENT,
            fee_amount=COMMISSION * 100,
            round_fill_price=scenario.market == "GOOG",  # to cents, which EURUSD is too small for
            round_test_result=False,
        )
        frame = bars.assign(symbol=scenario.market)
        made = Strategy(frame, frame["date"].min(), frame["date"].max(), config)
        made.add_execution(execution, scenario.market, **words)
        made.walkforward(windows=1, train_size=0)


HOST = _Pybroker()
