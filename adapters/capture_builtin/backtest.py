"""`Backtest`: one strategy, one portfolio, some bars; and what comes of them."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa

from capture.errors import ConfigError
from capture.study.portfolio.settings import PortfolioSettings
from capture_builtin.bus import Topic
from capture_builtin.engine import Engine
from capture_builtin.feeds import Feed
from capture_builtin.strategy import Strategy

if TYPE_CHECKING:
    from capture_builtin.bus import Event
    from capture_builtin.portfolio import Portfolio

__all__ = ["Backtest", "Observed", "Observer", "Results", "feeds_of", "results_of"]

_UNNAMED: Final = "data"
_STAGES: Final = ("sizer", "validators", "slippage", "commission")
_TRADE_COLUMNS: Final = (
    "symbol", "strategy_id", "trade_number", "size", "entry_bar", "exit_bar", "entry_time",
    "exit_time", "entry_price", "exit_price", "commission", "profit",
)  # fmt: skip
_FILL_COLUMNS: Final = (
    "seq", "symbol", "bar_index", "time", "side", "size", "price", "commission",
    "position_after", "trade_number", "effect", "because",
)  # fmt: skip


class Observer(ABC):
    """Follows a run: it is told before it begins, when it has ended, and when it raised."""

    @abstractmethod
    def prepare(
        self, feeds: list[Feed], settings: PortfolioSettings
    ) -> tuple[list[Feed], PortfolioSettings]:
        """Return the bars and settings that the run is made on."""

    @abstractmethod
    def begin(self, engine: Engine, portfolio: Portfolio, stages: Mapping[str, Any]) -> None:
        """The strategy is there, and the first bar is about to come."""

    @abstractmethod
    def ended(self, results: Results) -> None:
        """The run came to its end."""

    @abstractmethod
    def failed(self, error: BaseException) -> None:
        """The run raised."""


class Observed(ABC):
    """A strategy with somebody who follows each of its runs."""

    strategy: Any

    @abstractmethod
    def observer(self) -> Observer:
        """Return who follows the next run."""


@dataclass(frozen=True, eq=False)
class Results:
    """What came of a run.

    Attributes:
        trades: a row per trade, from flat to flat; those that are open last.
        equity: worth at each moment at which a bar became known.
        fills: a row per fill.
        settings: how the portfolio traded.
        fill_events: the events of the fills; each leads back to the bar that caused it.
        strategy: the strategy as it was at the end.
        portfolio: the portfolio as it was at the end.
        status_events: of a replay in a topology, the events of what became of signals.
    """

    trades: pd.DataFrame
    equity: pd.Series[float]
    fills: pd.DataFrame
    settings: PortfolioSettings
    fill_events: tuple[Event, ...]
    strategy: Any
    portfolio: Portfolio
    status_events: tuple[Event, ...] = ()

    @property
    def final(self) -> float:
        """Worth at the end."""
        return float(self.equity.iloc[-1])

    @property
    def max_drawdown(self) -> float:
        """The deepest drawdown, as a fraction of the peak before it."""
        return self.portfolio.ledger.deepest

    def __repr__(self) -> str:
        closed = int(self.trades["exit_bar"].notna().sum())
        return (
            f"Results(final={self.final:,.2f}, trades={closed}, fills={len(self.fills)}, "
            f"max_drawdown={self.max_drawdown:.2%})"
        )


class Backtest:
    """Runs a strategy over bars, and a portfolio that trades what it wants.

    Example:
        ```python
        Backtest(prices, SmaCross, params={"fast": 5}, cash=10_000, commission_rate=0.001).run()
        ```
    """

    def __init__(
        self,
        data: Any,
        strategy: Any,
        *,
        params: Mapping[str, Any] | None = None,
        symbol: str | None = None,
        verify_features: bool = True,
        **settings: Any,
    ) -> None:
        """Prepare a run; nothing happens before `run`.

        Args:
            data: a frame or table of bars, frames by symbol, a `Feed`, or several.
            strategy: a class of strategies, or a strategy; captured or replayed ones too.
            params: its parameters, where it is a class.
            symbol: name of the instrument, where the data do not say it.
            verify_features: refuse features that look ahead.
            **settings: settings of the portfolio; `sizer`, `slippage` and `commission` may be
                functions, and `validators` is a list of them. Limits and stops of signals count,
                unless `orders="market"`.
        """
        self._feeds = feeds_of(data, symbol)
        self._strategy = strategy
        self._params = dict(params or {})
        self._verify = verify_features
        self._stages: dict[str, Any] = {
            name: settings.pop(name)
            for name in _STAGES
            if name in settings and not isinstance(settings[name], str)
        }
        check_stages(self._stages)
        self.settings = PortfolioSettings.from_mapping({"orders": "recorded", **settings})

    def run(self) -> Results:
        """Run it to the end of the data; each call begins anew."""
        strategy, observer = self._strategy, None
        feeds, settings = list(self._feeds), self.settings
        if isinstance(strategy, Observed):
            observer, strategy = strategy.observer(), strategy.strategy
            feeds, settings = observer.prepare(feeds, settings)
        name, made = self._made(strategy)
        prepare = getattr(made, "prepare_replay", None)
        if prepare is not None:
            prepare(feeds, settings, self._stages)
        engine = Engine(feeds, verify_features=self._verify)
        events: list[Event] = []
        engine.bus.subscribe(Topic.FILL, events.append)
        portfolio = engine.add_portfolio("portfolio", settings, [name], **self._stages)
        engine.add_strategy(name, made, portfolio)
        if observer is None:
            engine.run()
            return results_of(engine, portfolio, events, made)
        observer.begin(engine, portfolio, self._stages)
        try:
            engine.run()
        except BaseException as exc:
            observer.failed(exc)
            raise
        results = results_of(engine, portfolio, events, made)
        observer.ended(results)
        return results

    def _made(self, strategy: Any) -> tuple[str, Strategy]:
        if isinstance(strategy, Strategy):
            if self._params:
                raise ConfigError("params", self._params, "hand over the class to give parameters")
            return type(strategy).__name__, strategy
        if isinstance(strategy, type) and issubclass(strategy, Strategy):
            return strategy.__name__, strategy(**self._params)
        raise ConfigError(
            "strategy", strategy, "derive a class from capture_builtin.Strategy, and hand it over"
        )


def feeds_of(data: Any, symbol: str | None = None) -> list[Feed]:
    """Return the feeds that data are: a frame, a table, a feed, several, or some by symbol."""
    if isinstance(data, Feed):
        return [data]
    if isinstance(data, pa.Table):
        return [Feed.from_table(data, symbol or _UNNAMED)]
    if isinstance(data, pd.DataFrame):
        return [Feed.from_frame(data, symbol or str(data.attrs.get("symbol") or _UNNAMED))]
    if isinstance(data, Mapping):
        return [feed for name, one in data.items() for feed in feeds_of(one, str(name))]
    if isinstance(data, Sequence) and not isinstance(data, str):
        return [feed for one in data for feed in feeds_of(one, symbol)]
    raise ConfigError("data", type(data).__name__, "hand over a frame, a Feed, or several")


def check_stages(stages: Mapping[str, Any]) -> None:
    """Refuse what cannot be asked."""
    for name, stage in stages.items():
        every = stage if name == "validators" else [stage]
        if isinstance(every, str) or not all(map(callable, every)):
            raise ConfigError(name, stage, "a function is needed, or a list of them for validators")


def stage_names(stages: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the stages are called, as a recording keeps them."""
    return {
        name: [_named(one) for one in stage] if name == "validators" else _named(stage)
        for name, stage in stages.items()
    }


def _named(function: Callable[..., Any]) -> str:
    if inspect.isfunction(function) or inspect.isbuiltin(function):
        return function.__qualname__
    fields = getattr(function, "__dataclass_fields__", None)
    return repr(function) if fields is not None else type(function).__qualname__


def results_of(
    engine: Engine,
    portfolio: Portfolio,
    events: Sequence[Event],
    strategy: Any,
    statuses: Sequence[Event] = (),
) -> Results:
    """Return what a run came to."""
    ledger = portfolio.ledger
    index = pd.DatetimeIndex(np.array(engine.times, dtype=np.int64), tz="UTC", name="time")
    trades = sorted(ledger.trades, key=lambda trade: trade.exit_bar is None)
    rows = []
    for trade in trades:
        times = {"entry_time": _time(trade.entry_ns), "exit_time": _time(trade.exit_ns)}
        rows.append({**trade.to_dict(), **times})
    frame = pd.DataFrame(rows, columns=list(_TRADE_COLUMNS))
    fills = [
        (
            event.seq, fill.symbol, fill.bar_index, _time(event.time_ns),
            1 if fill.units > 0 else -1, abs(fill.units), fill.price, fill.commission,
            fill.position, fill.trade, fill.effect, fill.because,
        )
        for event in events
        if (fill := event.payload).portfolio == portfolio.name
    ]  # fmt: skip
    return Results(
        frame,
        pd.Series(ledger.equity, index=index, name="equity", dtype=np.float64),
        pd.DataFrame(fills, columns=list(_FILL_COLUMNS)),
        portfolio.settings,
        tuple(events),
        strategy,
        portfolio,
        tuple(statuses),
    )


def _time(time_ns: int | None) -> Any:
    return None if time_ns is None else pd.Timestamp(time_ns, unit="ns", tz="UTC")
