"""What a strategy sees: bars that have closed, and what was computed from them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from capture.errors import InvalidEvent, UnknownName

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from capture_builtin.feeds import Feed

__all__ = ["Market", "SeriesView"]


class SeriesView:
    """Bars of one symbol and timeframe, as far as they have closed.

    Attributes:
        symbol: name of the instrument.
        timeframe: length of a bar.
    """

    __slots__ = (
        "_close", "_columns", "_cursor", "_feed", "_high", "_lookback", "_low", "_open", "_place",
        "_volume", "symbol", "timeframe",
    )  # fmt: skip

    def __init__(self, feed: Feed, cursor: list[int], place: int, lookback: int) -> None:
        """Look at a feed; the cursor holds the number of its last closed bar in this place."""
        self.symbol = feed.symbol
        self.timeframe = feed.timeframe
        self._feed = feed
        self._cursor = cursor
        self._place = place
        self._lookback = lookback
        self._columns: dict[str, list[float]] = {}
        self._open = self._list("open")
        self._high = self._list("high")
        self._low = self._list("low")
        self._close = self._list("close")
        self._volume = self._list("volume") if "volume" in feed.columns else None

    def _list(self, name: str) -> list[float]:
        if name not in self._columns:
            if name not in self._feed.columns:
                raise UnknownName(f"column of {self.symbol}", name, self._feed.columns)
            self._columns[name] = self._feed.columns[name].tolist()
        return self._columns[name]

    @property
    def index(self) -> int:
        """Number of the last bar that has closed; -1 before the first."""
        return self._cursor[self._place]

    @property
    def open(self) -> float:
        """First price of the last bar."""
        return self._open[self._cursor[self._place]]

    @property
    def high(self) -> float:
        """Highest price of the last bar."""
        return self._high[self._cursor[self._place]]

    @property
    def low(self) -> float:
        """Lowest price of the last bar."""
        return self._low[self._cursor[self._place]]

    @property
    def close(self) -> float:
        """Last price of the last bar."""
        return self._close[self._cursor[self._place]]

    @property
    def volume(self) -> float | None:
        """Units traded in the last bar; None where that is not known."""
        return None if self._volume is None else self._volume[self._cursor[self._place]]

    def value(self, column: str, ago: int = 0) -> float:
        """Return a column of the last bar, or of one so many bars before it."""
        return self._list(column)[self._at(ago)]

    def history(self, bars: int, column: str = "close") -> NDArray[np.float64]:
        """Return the last values of a column, the present one last.

        Raises:
            InvalidEvent: more is asked for than the strategy declared as its lookback.
        """
        if not 1 <= bars <= self._lookback:
            raise InvalidEvent("bars", bars, f"the declared lookback is {self._lookback}")
        stop = self._cursor[self._place] + 1
        self._list(column)
        return self._feed.columns[column][max(stop - bars, 0) : stop]

    def _at(self, ago: int) -> int:
        if ago < 0:
            raise InvalidEvent("ago", ago, "a bar that has not closed is not known")
        bar = self._cursor[self._place] - ago
        if bar < 0:
            raise InvalidEvent("ago", ago, f"{self.symbol} has not so many bars yet")
        return bar


class Market:
    """What is known at a moment.

    Attributes like `close` are of the strategy's first symbol; `market["MSFT"]` is another one, and
    `market["MSFT", "5min"]` one of its other timeframes.

    Attributes:
        time_ns: the moment, nanoseconds since 1970 in UTC: the close of the bar.
        step: number of the moment, over all series.
    """

    __slots__ = (
        "_cursor",
        "_features",
        "_first",
        "_regimes",
        "_views",
        "step",
        "symbols",
        "time_ns",
    )

    def __init__(
        self,
        views: Mapping[Any, SeriesView],
        symbols: Sequence[str],
        features: Mapping[str, Mapping[str, tuple[list[float], int]]],
        regimes: Mapping[str, Mapping[str, tuple[list[str | None], int]]],
        cursor: list[int],
    ) -> None:
        """Look at series of which the first symbol's is the one that is meant.

        Args:
            views: by symbol, and by symbol and timeframe.
            symbols: the symbols, in order.
            features: by name and symbol, values and the place of the series they go by.
            regimes: the same of classifiers.
            cursor: number of the last closed bar of every series.
        """
        self.time_ns = 0
        self.step = -1
        self.symbols = tuple(symbols)
        self._views = views
        self._first = views[symbols[0]]
        self._features = features
        self._regimes = regimes
        self._cursor = cursor

    def __getitem__(self, what: str | tuple[str, str]) -> SeriesView:
        """Return the bars of a symbol, or of a symbol and timeframe."""
        view = self._views.get(what)
        if view is None:
            known = [k if isinstance(k, str) else " ".join(k) for k in self._views]
            raise UnknownName(
                "series that the strategy declared",
                what if isinstance(what, str) else " ".join(map(str, what)),
                known,
            )
        return view

    @property
    def index(self) -> int:
        """Number of the last bar of the first symbol."""
        return self._first.index

    @property
    def open(self) -> float:
        """First price of the last bar of the first symbol."""
        return self._first.open

    @property
    def high(self) -> float:
        """Highest price of the last bar of the first symbol."""
        return self._first.high

    @property
    def low(self) -> float:
        """Lowest price of the last bar of the first symbol."""
        return self._first.low

    @property
    def close(self) -> float:
        """Last price of the last bar of the first symbol."""
        return self._first.close

    @property
    def volume(self) -> float | None:
        """Units traded in the last bar of the first symbol."""
        return self._first.volume

    def history(self, bars: int, column: str = "close") -> NDArray[np.float64]:
        """Return the last values of a column of the first symbol, the present one last."""
        return self._first.history(bars, column)

    def feature(self, name: str, symbol: str | None = None, ago: int = 0) -> float:
        """Return a declared feature at the last bar, or so many bars before it.

        Args:
            name: its name; a line of a feature that has several is `name_line`.
            symbol: of which symbol; the first that has it if it is not said.
            ago: how many bars before the last one.
        """
        found = self._features.get(name)
        if found is None:
            raise UnknownName("feature that the strategy declared", name, self._features)
        if symbol is None:
            values, place = next(iter(found.values()))
        elif symbol in found:
            values, place = found[symbol]
        else:
            raise UnknownName(f'symbol of the feature "{name}"', symbol, found)
        if ago < 0:
            raise InvalidEvent("ago", ago, "a bar that has not closed is not known")
        bar = self._cursor[place] - ago
        return values[bar] if bar >= 0 else float("nan")

    def regime(self, name: str, symbol: str | None = None) -> str | None:
        """Return the state that a declared classifier says, or None where it cannot say yet."""
        found = self._regimes.get(name)
        if found is None:
            raise UnknownName("classifier that the strategy declared", name, self._regimes)
        key = self.symbols[0] if symbol is None else symbol
        if key not in found:
            raise UnknownName(f'symbol of the classifier "{name}"', key, found)
        values, place = found[key]
        bar = self._cursor[place]
        return values[bar] if bar >= 0 else None
