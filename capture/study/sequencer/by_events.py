"""One portfolio event by event, in the built-in backtester: exact for every setting."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from capture.errors import ConfigError
from capture.filters import Predicate
from capture.host import get_host
from capture.study.objectives.observing import Calendar, Performance
from capture.study.portfolio.market import DAY_NS
from capture.study.portfolio.verdicts import Verdict
from capture.study.sequencer.kept import kept_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from capture.replaying.source import Source
    from capture.study.portfolio.settings import PortfolioSettings

__all__ = ["EVENTS", "TradedByEvents", "traded_by_events"]

EVENTS: Final = "events"
"""The engine of a trial that was made event by event."""

_HOST: Final = "builtin"
_DAYS_PER_YEAR: Final = 252.0
_YEAR_NS: Final = 365.25 * DAY_NS
_FIRST, _LAST = -(2**63), 2**63 - 1


@dataclass(frozen=True)
class _Plan:
    """Fulfils `capture.contracts.topology.PortfolioPlan`."""

    settings: PortfolioSettings
    stages: Mapping[str, Any]
    strategies: Sequence[str] | None = None


def traded_by_events(
    source: Source, settings: PortfolioSettings, window: tuple[int, int] | None
) -> TradedByEvents:
    """Let one portfolio trade the signals of a recording, event by event.

    Args:
        source: the signals.
        settings: how it trades.
        window: first moment and moment after the last, in nanoseconds; None for all data.
    """
    start, end = window or (_FIRST, _LAST)
    adapter: Any = get_host().adapter(_HOST)
    told = source if window is None else _within(source, start, end)
    (results,) = adapter.trade([told], {"portfolio": _Plan(settings, {})}).values()
    return TradedByEvents(settings, results, start, end)


def _within(source: Source, start: int, end: int) -> Source:
    """Return the signals that were given within a stretch of time."""
    if source.boundaries is not None:
        raise ConfigError(
            "regime",
            repr(source.boundaries),
            "what is open at the beginning of a window is not known event by event; leave out "
            "the regime, or settings that need events",
        )
    import pandas as pd

    since, until = (pd.Timestamp(moment, unit="ns", tz="UTC") for moment in (start, end))
    bounds = [Predicate("available_time", ">=", since), Predicate("available_time", "<", until)]
    return replace(source, where=[*source.where, *bounds])


@dataclass(frozen=True, eq=False)
class TradedByEvents:
    """What came of it, as far as it happened within a stretch of time.

    Before the first signal nothing is held, so that what was before changes nothing.

    Attributes:
        settings: how it traded.
        results: what the built-in backtester returned.
        start_ns: the first moment.
        end_ns: the moment after the last.
    """

    settings: PortfolioSettings
    results: Any
    start_ns: int
    end_ns: int

    def value(
        self, objectives: Sequence[str], keep: Sequence[str], *, because: str | None
    ) -> dict[str, Any]:
        """Return what `evaluate` returns.

        Args:
            objectives: what is computed.
            keep: what is returned beside metrics.
            because: which settings asked for events; None if somebody did.
        """
        times = self.times_ns
        ends = np.flatnonzero(np.append(np.diff((times - 1) // DAY_NS) != 0, [True]))
        calendar = Calendar(_DAYS_PER_YEAR, True, float(times[-1] - times[0]) / _YEAR_NS)
        performance = self._performance(self.equity, ends, calendar)
        measured = {name: self._measured(name, performance) for name in objectives}
        counts = {
            "final": float(performance.final[0]),
            "fills": int(performance.fills[0]),
            "trades": int(performance.trades[0]),
            "commission": float(performance.costs[0]),
            **{f"signals_{word}": count for word, count in self.verdicts.items()},
            "engine": EVENTS,
            "because": because,
        }
        return {
            "metrics": measured | counts,
            "days": ((times[ends] - 1) // DAY_NS).astype("datetime64[D]").tolist(),
            "returns": performance.returns[0].tolist(),
            **kept_of(self.trades, self._signed(), keep),
        }

    @cached_property
    def _steps(self) -> NDArray[np.bool_]:
        times = self.results.equity.index.asi8
        within: NDArray[np.bool_] = (times >= self.start_ns) & (times < self.end_ns)
        return within

    @cached_property
    def times_ns(self) -> NDArray[np.int64]:
        """When each step was."""
        times: NDArray[np.int64] = self.results.equity.index.asi8[self._steps]
        return times

    @cached_property
    def equity(self) -> NDArray[np.float64]:
        """What it was worth at each step."""
        equity: NDArray[np.float64] = self.results.equity.to_numpy(np.float64)[self._steps]
        return equity

    @cached_property
    def fills(self) -> pd.DataFrame:
        """Its fills, in order."""
        fills: pd.DataFrame = self.results.fills
        return fills[fills["time"].map(self._is_within).astype(bool)]

    @cached_property
    def trades(self) -> pd.DataFrame:
        """Its trades; one that ended later is open."""
        found: pd.DataFrame = self.results.trades
        trades = found[found["entry_time"].map(self._is_within).astype(bool)].copy()
        later = ~trades["exit_time"].map(self._is_within).astype(bool)
        trades.loc[later, ["exit_bar", "exit_time", "exit_price", "profit"]] = None
        return trades.drop(columns="strategy_id").sort_values("trade_number", kind="stable")

    @cached_property
    def verdicts(self) -> dict[str, int]:
        """How many signals came to which end, all that a replay over signals knows among them.

        Ends that need prices within a bar, such as `superseded`, are there if they occurred. Of a
        signal whose end came later than the stretch of time, it is the end of the data.
        """
        ends: dict[int, str] = {}
        for event in self.results.status_events:
            said = event.payload
            if said.intent.action == "new":
                later = event.time_ns >= self.end_ns
                ends.setdefault(id(said.intent), Verdict.END_OF_DATA.word)
                if not later:
                    ends[id(said.intent)] = said.word
        counts = Counter(ends.values())
        known = {verdict.word: counts.pop(verdict.word, 0) for verdict in Verdict}
        return {**known, **dict(sorted(counts.items()))}

    def _signed(self) -> pd.DataFrame:
        """Return its fills as the sparse replay has them."""
        fills = self.fills.assign(units=self.fills["side"] * self.fills["size"])
        columns = ["symbol", "bar_index", "time", "units", "price", "commission", "position_after"]
        return fills[columns]

    def _is_within(self, moment: Any) -> bool:
        return (
            moment is not None
            and moment == moment
            and (self.start_ns <= moment.value < self.end_ns)
        )

    def _profits(self) -> list[float]:
        """Return what trades brought in, in the order in which they ended."""
        profits = dict(zip(self.trades["trade_number"], self.trades["profit"], strict=True))
        ended = self.fills[self.fills["effect"] == "close"]
        return [float(profits[number]) for number in ended["trade_number"]]

    def _performance(
        self, values: NDArray[np.float64], ends: NDArray[np.int64], calendar: Calendar
    ) -> Performance:
        profits = self._profits()
        peaks = np.maximum.accumulate(np.maximum(values, self.settings.cash))
        columns = {
            "cash": self.settings.cash,
            "final": values[-1],
            "deepest": float((1.0 - values / peaks).max()),
            "costs": sum(self.fills["commission"].tolist()),
            "fills": len(self.fills),
            "trades": len(profits),
            "wins": sum(profit > 0.0 for profit in profits),
            "won": sum(profit for profit in profits if profit > 0.0),
            "lost": sum(-profit for profit in profits if profit < 0.0),
        }
        arrays = {name: np.array([value], np.float64) for name, value in columns.items()}
        return Performance(**arrays, periods=values[ends][None, :], calendar=calendar)

    def _measured(self, name: str, performance: Performance) -> float:
        measure = get_host().objective(name)
        if measure.of is not None:
            return float(measure.of(performance)[0])
        return self._played(measure(), performance.calendar)

    def _played(self, observer: Any, calendar: Calendar) -> float:
        """Tell an observer of everything that happened, in order, and return what it says."""
        observer.on_start(self.settings.cash, calendar)
        fills = list(reversed(self.fills.to_dict("records")))
        profits = dict(zip(self.trades["trade_number"], self.trades["profit"], strict=True))
        for moment, worth in zip(self.times_ns.tolist(), self.equity.tolist(), strict=True):
            while fills and fills[-1]["time"].value == moment:
                fill = fills.pop()
                units = fill["side"] * fill["size"]
                observer.on_fill(fill["symbol"], units, fill["price"], fill["commission"])
                if fill["effect"] == "close":
                    observer.on_trade(fill["symbol"], float(profits[fill["trade_number"]]))
            observer.on_step(moment, worth)
        return float(observer.value())
