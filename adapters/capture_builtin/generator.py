"""The strategy stage: calls a strategy at its moments, and publishes what it wants."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from capture.errors import InvalidEvent, UnknownName
from capture_builtin.market import Market, SeriesView
from capture_builtin.signals import Signal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from capture_builtin.account import Account
    from capture_builtin.feeds import Feed
    from capture_builtin.needs import Feature, Needs
    from capture_builtin.stage import FeatureStage
    from capture_builtin.strategy import Strategy

__all__ = ["SignalGeneratorComponent", "Track"]

Publish = Any


class Track:
    """A line of a feature, and the series whose bars it goes by.

    Attributes:
        values: a value per bar.
        place: place of the series among the engine's.
        available_ns: when each of these bars became known.
    """

    __slots__ = ("available_ns", "place", "values")

    def __init__(
        self, values: NDArray[np.float64], place: int, available_ns: NDArray[np.int64]
    ) -> None:
        """Keep a line."""
        self.values = values
        self.place = place
        self.available_ns = available_ns

    def at(self, moments_ns: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the value that was known at each moment; NaN before the first bar."""
        bars = np.searchsorted(self.available_ns, moments_ns, side="right") - 1
        found: NDArray[np.float64] = np.where(bars >= 0, self.values[np.maximum(bars, 0)], np.nan)
        return found


class SignalGeneratorComponent:
    """Binds a strategy to the series it needs, and calls it when they move.

    Attributes:
        strategy_id: what its signals are known by.
        strategy: the strategy.
        needs: what it sees.
        symbols: its symbols, the first of which is meant where none is named.
        places: places of the series it is called for.
        series: places of all series it sees.
        tracks: lines of its features, by name and symbol.
        features: what was asked for, by name.
    """

    def __init__(
        self,
        strategy_id: str,
        strategy: Strategy,
        feeds: Sequence[Feed],
        features: FeatureStage,
        cursor: list[int],
        needs: Needs | None = None,
    ) -> None:
        """Compute what the strategy needs.

        Args:
            strategy_id: what its signals are known by.
            strategy: the strategy.
            feeds: every series, as the engine orders them: the finest of each symbol first.
            features: computes features.
            cursor: the engine's numbers of last closed bars.
            needs: what it sees; by default what it declares.
        """
        self.strategy_id = strategy_id
        self.strategy = strategy
        self.needs: Needs = strategy.needs() if needs is None else needs
        self._feeds = feeds
        self._cursor = cursor
        self.symbols = self._symbols()
        self.places = [self._place(symbol, self.needs.timeframe) for symbol in self.symbols]
        views: dict[Any, SeriesView] = {}
        lookback = self.needs.lookback
        for symbol, place in zip(self.symbols, self.places, strict=True):
            view = SeriesView(feeds[place], cursor, place, lookback)
            views[symbol] = views[symbol, feeds[place].timeframe] = view
            for timeframe in self.needs.timeframes:
                other = self._place(symbol, timeframe)
                views[symbol, timeframe] = SeriesView(feeds[other], cursor, other, lookback)
        self.series = sorted({view._place for view in views.values()})
        self.features: Mapping[str, Feature] = self.needs.features
        self.tracks: dict[str, dict[str, Track]] = {}
        for name, feature in self.features.items():
            self._compute(name, feature, features)
        regimes = {
            name: {
                symbol: (features.regimes(name, options, feeds[place].series), place)
                for symbol, place in zip(self.symbols, self.places, strict=True)
            }
            for name, options in self.needs.classifiers.items()
        }
        values = {
            name: {symbol: (t.values.tolist(), t.place) for symbol, t in of.items()}
            for name, of in self.tracks.items()
        }
        self.market = Market(views, self.symbols, values, regimes, cursor)
        self._ready = False
        self._lookback = lookback
        self._all = self.needs.mode == "all"
        self._call: Callable[[Market], Any] = strategy.generate_signal
        self._publish: Publish = None

    def _symbols(self) -> tuple[str, ...]:
        known = sorted({feed.symbol for feed in self._feeds})
        if self.needs.symbols is None:
            return tuple(known)
        for symbol in self.needs.symbols:
            if symbol not in known:
                raise UnknownName("symbol of the data", symbol, known)
        return self.needs.symbols

    def _place(self, symbol: str, timeframe: str | None) -> int:
        mine = {f.timeframe: p for p, f in enumerate(self._feeds) if f.symbol == symbol}
        if timeframe is None:
            return next(iter(mine.values()))
        if timeframe not in mine:
            raise UnknownName(f"timeframe of {symbol}", timeframe, mine)
        return mine[timeframe]

    def _compute(self, name: str, feature: Feature, stage: FeatureStage) -> None:
        symbols = feature.symbols or self.symbols
        if feature.of is not None:
            symbols = feature.of[:1]
        for symbol in symbols:
            if not any(feed.symbol == symbol for feed in self._feeds):
                raise UnknownName("symbol of the data", symbol, {f.symbol for f in self._feeds})
            place = self._place(symbol, feature.timeframe or self.needs.timeframe)
            feed = self._feeds[place]
            for line, values in stage.lines(name, feature, feed.series).items():
                self.tracks.setdefault(line, {})[symbol] = Track(values, place, feed.available_ns)

    def bind(
        self, publish: Publish, cancel: Callable[[str | None], None], account: Account | None
    ) -> None:
        """Let the strategy speak through these, and look at an account if there is one."""
        strategy: Any = self.strategy
        self._publish = publish
        strategy._emit = publish
        strategy._cancel = cancel
        strategy._account = account

    def unbind(self) -> None:
        """Let the strategy go."""
        for name in ("_emit", "_cancel"):
            self.strategy.__dict__.pop(name, None)

    # --- bar by bar --------------------------------------------------------------------------

    def wants(self, fresh: Sequence[bool]) -> bool:
        """Say whether a moment is one of its own: a bar of its symbols closed, or one of each."""
        if self._all:
            return all(fresh[place] for place in self.places)
        return any(fresh[place] for place in self.places)

    def ready(self) -> bool:
        """Say whether there are as many bars as the strategy looks back."""
        if not self._ready:
            self._ready = all(self._cursor[p] + 1 >= self._lookback for p in self.series)
        return self._ready

    def step(self, time_ns: int, step: int) -> None:
        """Ask the strategy what it wants, and publish it."""
        if not self._ready and not self.ready():
            return
        market = self.market
        market.time_ns, market.step = time_ns, step
        wanted = self._call(market)
        if wanted is not None:
            self._said(wanted)

    def _said(self, wanted: Any) -> None:
        if isinstance(wanted, Signal):
            self._publish(wanted)
        elif isinstance(wanted, (int, np.integer)) and not isinstance(wanted, bool):
            self._publish(Signal(direction=int(wanted)))
        elif isinstance(wanted, Mapping):
            self._publish(Signal(**wanted))
        elif hasattr(wanted, "__iter__") and not isinstance(wanted, (str, bytes)):
            for one in wanted:
                self._said(one)
        else:
            raise InvalidEvent(
                "signal", wanted, f"{self.strategy_id} must return a Signal, 1, -1, 0 or None"
            )

    def references(self) -> list[list[Any]] | None:
        """Return the last bar of each series the strategy sees; None if that is one series."""
        if len(self.series) < 2:
            return None
        return [[*self._feeds[place].series, self._cursor[place]] for place in self.series]
