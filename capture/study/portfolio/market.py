"""The bars of a recording, prepared once for every portfolio that trades them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from capture.errors import NotReplayable
from capture.index.alignment import CrossReference
from capture.schema import TIME

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from capture.store.recording import Recording

__all__ = ["DAY_NS", "Market", "market_of"]

DAY_NS: Final = 86_400 * 10**9


@dataclass(frozen=True, eq=False)
class Market:
    """The bars of all symbols on one clock.

    Attributes:
        symbols: names, in order.
        times_ns: when each step was; None where bars are only numbered.
        steps: by symbol, the step at which each of its bars became known.
        opens: by symbol, the open of each bar; None where bars have none.
        last: the last price of each symbol at each step, a row per step; NaN before the first.
        begins_ns: by symbol, when each bar began; None where that is not known.
    """

    symbols: tuple[str, ...]
    times_ns: NDArray[np.int64] | None
    steps: tuple[NDArray[np.int64], ...]
    opens: tuple[NDArray[np.float64] | None, ...]
    last: NDArray[np.float64]
    begins_ns: tuple[NDArray[np.int64] | None, ...] = ()

    @classmethod
    def of(
        cls,
        closes: Mapping[str, NDArray[np.float64]],
        opens: Mapping[str, NDArray[np.float64] | None],
        times_ns: Mapping[str, NDArray[np.int64]] | None = None,
        begins_ns: Mapping[str, NDArray[np.int64]] | None = None,
        others_ns: Sequence[NDArray[np.int64]] = (),
    ) -> Market:
        """Prepare prices.

        Args:
            closes: by symbol, the close of each bar.
            opens: by symbol, the open of each bar.
            times_ns: by symbol, when each bar became known; without them, bars of one number
                become known together.
            begins_ns: by symbol, when each bar began.
            others_ns: when bars became known that nobody trades: such a moment is a step, too.
        """
        symbols = tuple(sorted(closes))
        if times_ns is None:
            known = {name: np.arange(len(closes[name]), dtype=np.int64) for name in symbols}
        else:
            known = {name: times_ns[name] for name in symbols}
        clock = np.unique(np.concatenate([*known.values(), *others_ns, np.empty(0, np.int64)]))
        steps = tuple(np.searchsorted(clock, known[name]) for name in symbols)
        last = np.full((len(clock), len(symbols)), np.nan)
        for place, name in enumerate(symbols):
            last[steps[place], place] = closes[name]
            _carry_on(last[:, place])
        return cls(
            symbols,
            None if times_ns is None else clock,
            steps,
            tuple(opens[name] for name in symbols),
            last,
            tuple((begins_ns or {}).get(name) for name in symbols),
        )

    @cached_property
    def day_ends(self) -> NDArray[np.int64]:
        """The last step of each day (UTC); a step at midnight belongs to the day that ends.

        Without times each step stands for itself.
        """
        if self.times_ns is None:
            return np.arange(len(self.last), dtype=np.int64)
        days = (self.times_ns - 1) // DAY_NS
        return np.flatnonzero(np.append(np.diff(days) != 0, [True] * bool(len(days))))

    @property
    def years(self) -> float | None:
        """How long it is from the first step to the last, in years of 365.25 days."""
        if self.times_ns is None or not len(self.times_ns):
            return None
        return float(self.times_ns[-1] - self.times_ns[0]) / (365.25 * DAY_NS)


def _carry_on(column: NDArray[np.float64]) -> None:
    """Let each price stand until there is another."""
    places = np.where(np.isnan(column), -1, np.arange(len(column)))
    np.maximum.accumulate(places, out=places)
    known = places >= 0
    column[known] = column[places[known]]


def market_of(
    recording: Recording, base: Sequence[Mapping[str, Any]], timeframes: Mapping[str, str | None]
) -> Market:
    """Prepare the base data of a part.

    Args:
        recording: the recording.
        base: references to its base data.
        timeframes: by symbol, of which bars its signals speak.

    Raises:
        NotReplayable: there are no such bars, or they lack times or prices.
    """
    chosen = _chosen(recording, base, timeframes)
    bars = {
        name: recording.store.base_data(ref["fingerprint"]).bars for name, ref in chosen.items()
    }
    closes = {name: _prices(recording, name, rows, "close") for name, rows in bars.items()}
    opens = {
        name: _prices(recording, name, rows, "open") if "open" in rows.column_names else None
        for name, rows in bars.items()
    }
    known = CrossReference.from_recording(recording)
    series = {name: (ref["symbol"], ref["timeframe"]) for name, ref in chosen.items()}
    dated = [name for name in series if series[name] in known]
    if dated and len(dated) < len(series):
        bare = next(name for name in series if name not in dated)
        raise _unfit(recording, f"the bars of {bare} have no times, while others have them")
    times = {name: known.available_ns(series[name]) for name in dated}
    for name, moments in times.items():
        if (np.diff(moments) <= 0).any():
            bar = int(np.argmax(np.diff(moments) <= 0)) + 1
            raise _unfit(
                recording, f"bar {bar} of {name} became known no later than the one before"
            )
    if not times:
        return Market.of(closes, opens)
    begins = {name: _labels(rows) for name, rows in bars.items()}
    every = {(ref["symbol"], ref["timeframe"]) for ref in base}
    others = [known.available_ns(one) for one in every - set(series.values()) if one in known]
    return Market.of(closes, opens, times, begins, others)


def _chosen(
    recording: Recording, base: Sequence[Mapping[str, Any]], timeframes: Mapping[str, str | None]
) -> dict[str, Mapping[str, Any]]:
    """Return the bars of each symbol: those that its signals speak of, or else its finest."""
    found: dict[str, Mapping[str, Any]] = {}
    for ref in base:
        symbol, wanted = ref["symbol"], timeframes.get(ref["symbol"])
        if wanted is not None and ref["timeframe"] != wanted:
            continue
        if symbol not in found or ref["rows"] > found[symbol]["rows"]:
            found[symbol] = ref
    for symbol, timeframe in timeframes.items():
        if symbol not in found:
            of = f"{symbol} {timeframe}" if timeframe else symbol
            raise _unfit(recording, f"it holds no bars of {of}, for fills and for what is held")
    return found


def _prices(recording: Recording, symbol: str, bars: pa.Table, name: str) -> NDArray[np.float64]:
    if name not in bars.column_names:
        raise _unfit(recording, f"the bars of {symbol} have no {name}")
    prices: NDArray[np.float64] = bars.column(name).to_numpy().astype(np.float64)
    wrong = ~(np.isfinite(prices) & (prices > 0.0))
    if wrong.any():
        bar = int(np.argmax(wrong))
        raise _unfit(recording, f"the {name} of bar {bar} of {symbol} is {prices[bar]:g}")
    return prices


def _labels(bars: pa.Table) -> NDArray[np.int64]:
    """Return when bars began, which is how they are labelled."""
    times = bars.column("timestamp").cast(TIME).cast(pa.int64())
    labels: NDArray[np.int64] = times.to_numpy()
    return labels


def _unfit(recording: Recording, problem: str) -> NotReplayable:
    mend = "record it on bars that have times, and prices above zero"
    return NotReplayable(recording.run_id, problem, mend)
