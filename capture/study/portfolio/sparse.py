"""The replay of many portfolios over stored signals at once."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TYPE_CHECKING, Final, Literal, get_args

import numpy as np

from capture.errors import ConfigError, MissingExtra, NotReplayable
from capture.study.objectives.observing import Calendar, Performance
from capture.study.portfolio import coding as c
from capture.study.portfolio import kernel
from capture.study.portfolio.choosing import quicker_compiled
from capture.study.portfolio.compiled import compiled, is_there
from capture.study.portfolio.lockstep import trade_together
from capture.study.portfolio.schedule import schedule_of
from capture.study.portfolio.verdicts import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from capture.study.portfolio.coding import Desk, Schedule
    from capture.study.portfolio.market import Market
    from capture.study.portfolio.settings import FillTime, PortfolioSettings
    from capture.study.portfolio.signals import Signals

__all__ = ["Engine", "SparseReplay", "Traded", "needs_events"]

Engine = Literal["auto", "numba", "numpy"]

_WORTH_THREADS: Final = 500_000
"""Signals times settings from which on more than one thread is worth its while."""

_BLOCK: Final = 500
"""Settings that trade together: what changes of so many stays in a processor's cache."""

_BY_EVENTS: Final = ("participation", "stop_loss", "take_profit", "trailing_stop")
"""Settings that look at what happens within a bar, which signals alone do not say."""


def needs_events(settings: PortfolioSettings) -> tuple[str, ...]:
    """Return the names of settings that only an event-driven replay can carry out."""
    found = [name for name in _BY_EVENTS if getattr(settings, name) is not None]
    return ("orders", *found) if settings.orders != "market" else tuple(found)


class Traded:
    """What portfolios came to, a row each.

    Attributes:
        performance: what objectives are computed from.
        verdicts: how often each `Verdict` was given, a column each.
    """

    def __init__(self, performance: Performance, verdicts: NDArray[np.int64]) -> None:
        """Keep the arrays."""
        self.performance = performance
        self.verdicts = verdicts


class SparseReplay:
    """Signals and bars, prepared once; then any number of portfolios may trade them.

    Attributes:
        market: the bars.
        signals: the signals.
        calendar: what returns are measured in.
    """

    def __init__(
        self,
        market: Market,
        signals: Signals,
        *,
        run_id: str = "these signals",
        periods_per_year: float | None = None,
    ) -> None:
        """Prepare them.

        Args:
            market: the bars.
            signals: the signals.
            run_id: what they are called in errors.
            periods_per_year: how many periods of returns make a year; 252 days, or 1 where bars
                have no times, so that nothing is annualised.
        """
        dated = market.times_ns is not None
        self.market = market
        self.signals = signals
        self.run_id = run_id
        self.calendar = Calendar(periods_per_year or (252.0 if dated else 1.0), dated, market.years)
        self._schedules: dict[tuple[str, bool], Schedule] = {}
        self._check_bars()

    def _check_bars(self) -> None:
        places = {
            name: len(steps)
            for name, steps in zip(self.market.symbols, self.market.steps, strict=True)
        }
        for symbol, bar in zip(self.signals.symbols, self.signals.bars, strict=True):
            if not 0 <= bar < places.get(symbol, 0):
                raise NotReplayable(
                    self.run_id,
                    f"a signal lies on bar {bar} of {symbol}, which has {places.get(symbol, 0)}",
                    "see what `capture verify` says of it",
                )

    def schedule(self, fill: FillTime, *, peaks: bool = False) -> Schedule:
        """Return what happens when, the same for all settings; made when it is first needed."""
        if (fill, peaks) not in self._schedules:
            if fill == "next_open" and any(opens is None for opens in self.market.opens):
                raise NotReplayable(
                    self.run_id, "its bars have no open", 'fill at the close: fill="close"'
                )
            made = schedule_of(self.signals, self.market, fill, peaks=peaks)
            self._schedules[fill, peaks] = made
        return self._schedules[fill, peaks]

    def trade(
        self,
        settings: Sequence[PortfolioSettings],
        *,
        engine: Engine = "auto",
        threads: int | None = None,
    ) -> Traded:
        """Let portfolios trade; the result has their order.

        Args:
            settings: the portfolios.
            engine: "numba" compiles, "numpy" does not; "auto" is numba where it is installed and
                there is enough to do, in this process so far. The numbers are the same.
            threads: how many threads numba uses at most; one per processor by default.

        Raises:
            ConfigError: a portfolio's setting cannot be carried out over signals alone.
        """
        run = self._engine(engine, len(settings))
        self._refuse(settings)
        rows = len(settings)
        totals = np.zeros((c.LOST + 1, rows))
        verdicts = np.zeros((rows, len(Verdict)), np.int64)
        periods = np.zeros((rows, len(self.market.day_ends)))
        for plan, places in self._groups(settings):
            numbers = c.coded([settings[place] for place in places])
            for desk, mine in _in_threads(run, numbers, plan, threads or os.cpu_count() or 1):
                totals[:, places[mine]] = desk.totals
                verdicts[places[mine]] = desk.verdicts.T
                periods[places[mine]] = desk.days.T
        performance = Performance(
            cash=np.array([one.cash for one in settings], dtype=np.float64),
            final=totals[c.FINAL],
            deepest=totals[c.DEEPEST],
            costs=totals[c.COSTS],
            fills=totals[c.FILLS],
            trades=totals[c.TRADES],
            wins=totals[c.WINS],
            won=totals[c.WON],
            lost=totals[c.LOST],
            periods=periods,
            calendar=self.calendar,
        )
        return Traded(performance, verdicts)

    def log(self, settings: PortfolioSettings) -> NDArray[np.float64]:
        """Return the fills of one portfolio, a row each, in the columns of `coding`."""
        self._refuse([settings])
        plan = self.schedule(settings.fill, peaks=settings.max_drawdown is not None)
        numbers = c.coded([settings])
        desk = c.desk(plan, numbers, logged=True)
        is_quicker = quicker_compiled(len(plan.directions), 1)
        (compiled() if is_quicker else kernel.trade)(numbers, plan, desk)
        return desk.log[: int(desk.totals[c.FILLS, 0])]

    def _engine(self, engine: Engine, portfolios: int) -> Callable[..., None]:
        if engine not in get_args(Engine):
            raise ConfigError("engine", engine, f"choose one of {', '.join(get_args(Engine))}")
        if engine == "auto":
            signals = len(self.signals)
            return compiled() if quicker_compiled(signals, portfolios) else trade_together
        if engine == "numpy":
            return trade_together
        if not is_there():
            raise MissingExtra("the compiled replay", extra="fast", library="numba")
        return compiled()

    def _groups(
        self, settings: Sequence[PortfolioSettings]
    ) -> Iterator[tuple[Schedule, NDArray[np.int64]]]:
        """Yield the portfolios that follow one schedule."""
        keys = [(one.fill, one.max_drawdown is not None) for one in settings]
        for fill, peaks in sorted(set(keys)):
            places = [place for place, key in enumerate(keys) if key == (fill, peaks)]
            yield self.schedule(fill, peaks=peaks), np.array(places, np.int64)

    def _refuse(self, settings: Sequence[PortfolioSettings]) -> None:
        """Refuse by name what would not be exact."""
        for one in settings:
            for name in needs_events(one):
                raise ConfigError(
                    name,
                    getattr(one, name),
                    f"the sparse replay sees no prices within a bar; replay {one.id} event by "
                    "event, in the built-in backtester",
                )
            for name in ("max_trades_per_day", "max_daily_loss"):
                if getattr(one, name) is not None and not self.calendar.dated:
                    raise ConfigError(
                        name, getattr(one, name), "the bars have no times, and so no days"
                    )


def _in_threads(
    run: Callable[..., None], settings: NDArray[np.float64], plan: Schedule, threads: int
) -> list[tuple[Desk, slice]]:
    """Let portfolios trade, in as many threads as that is worth; compiled loops hold no lock."""
    rows = settings.shape[1]
    blocks = -(-rows // _BLOCK)
    if rows * len(plan.directions) < _WORTH_THREADS or run is trade_together:
        threads = 1
    blocks = min(rows, -(-blocks // threads) * threads)  # as many for each
    edges = np.linspace(0, rows, blocks + 1).astype(int).tolist()

    def trade(begin: int, end: int) -> tuple[Desk, slice]:
        mine = np.ascontiguousarray(settings[:, begin:end])
        desk = c.desk(plan, mine)
        run(mine, plan, desk)
        return desk, slice(begin, end)

    if threads == 1:
        return [trade(begin, end) for begin, end in pairwise(edges)]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(trade, edges[:-1], edges[1:]))
