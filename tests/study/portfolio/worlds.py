"""Random bars, signals and settings, and the built-in backtester's word on them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from capture.study.portfolio.arithmetic import ADJUSTMENT, ENTRY, EXIT
from capture.study.portfolio.market import Market
from capture.study.portfolio.settings import PortfolioSettings
from capture.study.portfolio.signals import Signals
from capture_builtin.bus import Topic
from capture_builtin.engine import Engine
from capture_builtin.feeds import Feed
from capture_builtin.needs import Needs
from capture_builtin.signals import Signal
from capture_builtin.strategy import Strategy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from capture_builtin.portfolio import Portfolio

KINDS = {ENTRY: "entry", EXIT: "exit", ADJUSTMENT: "adjustment"}
HOUR = pd.Timedelta(hours=1)


@dataclass(frozen=True)
class World:
    """Bars by symbol, and signals on them.

    Attributes:
        apart: whether each symbol has a strategy of its own, which is called from its first bar on;
            one strategy for all is called when all of them have a bar.
    """

    feeds: tuple[Feed, ...]
    market: Market
    signals: Signals
    apart: bool


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Draw bars of up to three symbols with gaps, and signals of every kind on them."""
    seed = draw(st.integers(0, 2**32 - 1))
    random = np.random.default_rng(seed)
    symbols = ["A", "B", "C"][: draw(st.integers(1, 3))]
    hours = draw(st.integers(3, 60))
    feeds = tuple(_feed(random, name, hours) for name in symbols)
    count = draw(st.integers(0, 50))
    rows = [_row(random, seq, feeds) for seq in range(count)]
    market = Market.of(
        {f.symbol: f.columns["close"] for f in feeds},
        {f.symbol: f.columns["open"] for f in feeds},
        {f.symbol: f.available_ns for f in feeds},
    )
    # A recorder numbers signals as they come: by time, and then by strategy.
    apart = draw(st.booleans())
    begin = 0 if apart else max(int(feed.available_ns[0]) for feed in feeds)
    rows = [row for row in rows if _known(feeds, row) >= begin]
    rows.sort(key=lambda row: (_known(feeds, row), row[1] if apart else ""))
    return World(feeds, market, Signals.of([(n, *r[1:]) for n, r in enumerate(rows)]), apart)


def _known(feeds: Sequence[Feed], row: tuple[Any, ...]) -> int:
    feed = next(f for f in feeds if f.symbol == row[1])
    return int(feed.available_ns[row[2]])


def _feed(random: np.random.Generator, name: str, hours: int) -> Feed:
    there = np.sort(random.choice(hours, random.integers(2, hours + 1), replace=False))
    times = pd.Timestamp("2024-01-02T20:00Z") + there * HOUR
    close = np.round(50.0 * np.exp(np.cumsum(random.normal(0, 0.04, len(there)))), 2)
    open_ = np.round(close * np.exp(random.normal(0, 0.02, len(there))), 2)
    frame = pd.DataFrame({"open": open_, "close": close}, index=times)
    frame["high"] = frame[["open", "close"]].max(axis=1)
    frame["low"] = frame[["open", "close"]].min(axis=1)
    return Feed.from_frame(frame, name, "1h")


def _row(random: np.random.Generator, seq: int, feeds: Sequence[Feed]) -> tuple[Any, ...]:
    feed = feeds[random.integers(len(feeds))]
    bar = int(random.integers(len(feed.labels_ns)))
    kind = int(random.choice([ENTRY, ENTRY, ENTRY, EXIT, ADJUSTMENT]))
    direction = 0.0 if kind == EXIT else float(random.choice([-1, 1]))
    strength = float(np.round(random.uniform(0, 2), 3))
    return seq, feed.symbol, bar, direction, kind, strength


def _maybe(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.none(), st.none(), st.none(), values)


def _reals(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high, allow_nan=False, width=64)


def portfolios() -> st.SearchStrategy[PortfolioSettings]:
    """Draw settings that the sparse replay can carry out."""
    sizes = st.one_of(
        st.tuples(st.just("units"), _reals(0.1, 60)),
        st.tuples(st.just("value"), _reals(1, 3000)),
        st.tuples(st.just("equity_fraction"), _reals(0.01, 2.0)),
    )
    return st.builds(
        lambda sized, **said: PortfolioSettings(sizer=sized[0], size=sized[1], **said),
        sizes,
        cash=_reals(100, 5000),
        by_strength=st.booleans(),
        lot=st.sampled_from([0.0, 0.0, 1.0, 0.1, 7.0]),
        pyramiding=st.integers(1, 3),
        allow_short=st.booleans(),
        fill=st.sampled_from(["next_open", "close"]),
        slippage_fraction=st.sampled_from([0.0, 0.0, 0.001, 0.03]),
        slippage_fixed=st.sampled_from([0.0, 0.0, 0.01]),
        commission_per_order=st.sampled_from([0.0, 0.0, 1.0]),
        commission_per_unit=st.sampled_from([0.0, 0.005]),
        commission_rate=st.sampled_from([0.0, 0.0, 0.002]),
        commission_minimum=st.sampled_from([0.0, 0.0, 2.0]),
        leverage=st.sampled_from([1.0, 1.0, 1.0, 3.0]),
        max_open_positions=_maybe(st.integers(1, 3)),
        max_trades_per_day=_maybe(st.integers(1, 5)),
        max_position_units=_maybe(_reals(1, 60)),
        max_position_value=_maybe(_reals(10, 3000)),
        max_gross_exposure=_maybe(_reals(0.1, 3)),
        max_drawdown=_maybe(_reals(0.0, 0.3)),
        max_daily_loss=_maybe(_reals(0.0, 0.1)),
    )


class Told(Strategy):
    """Says what is stored of some symbols, at the moments of its bars."""

    def __init__(self, world: World, symbols: tuple[str, ...]) -> None:
        self._symbols = symbols
        self._at: dict[int, list[Signal]] = {}
        known = {feed.symbol: feed.available_ns for feed in world.feeds}
        said = world.signals
        for symbol, bar, direction, kind, strength in zip(
            said.symbols, said.bars, said.directions, said.types, said.strengths, strict=True
        ):
            if symbol in symbols:
                signal = Signal(
                    direction=int(direction),
                    symbol=symbol,
                    kind=KINDS[kind],
                    strength=float(strength),
                )
                self._at.setdefault(int(known[symbol][bar]), []).append(signal)

    def needs(self) -> Needs:
        return Needs(symbols=self._symbols)

    def generate_signal(self, market: Any) -> list[Signal]:
        return self._at.get(market.time_ns, [])


@dataclass(frozen=True)
class Said:
    """What the built-in backtester says of one portfolio."""

    fills: list[tuple[Any, ...]]
    trades: list[dict[str, Any]]
    equity: list[float]
    verdicts: Counter[tuple[str, str]]
    portfolio: Portfolio


def event_driven(world: World, settings: PortfolioSettings) -> Said:
    """Carry out the signals event by event."""
    engine = Engine(world.feeds)
    names = tuple(feed.symbol for feed in world.feeds)
    told = [(name,) for name in names] if world.apart else [names]
    portfolio = engine.add_portfolio("one", settings, [group[0] for group in told])
    fills: list[tuple[Any, ...]] = []
    verdicts: Counter[tuple[str, str]] = Counter()

    def filled(event: Any) -> None:
        one = event.payload
        fills.append(
            (one.symbol, one.bar_index, one.units, one.price, one.commission, one.position)
        )

    def settled(event: Any) -> None:
        one = event.payload
        word = str(one.reason)
        limit = (one.detail or "").partition(":")[0] if word == "risk_limit" else ""
        verdicts[word, limit] += 1

    engine.bus.subscribe(Topic.FILL, filled)
    engine.bus.subscribe(Topic.STATUS, settled)
    for group in told:
        engine.add_strategy(group[0], Told(world, group))
    engine.run()
    ledger = portfolio.ledger
    trades = [trade.to_dict() for trade in ledger.trades]
    return Said(fills, trades, list(ledger.equity), verdicts, portfolio)
