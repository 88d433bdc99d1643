"""What is known of a signal when it is given, as quantities and as choices between words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from capture.analysis.forward import Placed
    from capture.analysis.material import Bars

    Reals = NDArray[np.float64]
    Wholes = NDArray[np.int64]

__all__ = ["Attribute", "attributes"]

Unit = Literal["", "%", "times"]

_PREFIXES: Final = ("indicator_", "risk_", "limit_", "extra_")
_PLAIN: Final = ("strength", "regime_confidence", "spread", "liquidity_score")
_WORDS: Final = ("regime", "signal_type", "symbol", "timeframe", "strategy_id")
_BEFORE: Final = ("direction", "signal_type", "regime")
_RECENT: Final = (5, 20)
_SIDES: Final = {1.0: "long", -1.0: "short", 0.0: "flat"}
_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_HOURS: Final = 4
_NEAR: Final = 2.0
"""A line that stays within half and twice the close is a price, and read as distance from it."""


@dataclass(frozen=True, eq=False)
class Attribute:
    """One thing that is known of every signal.

    Attributes:
        name: how a sentence calls it.
        values: real numbers of a quantity, or words of a choice with None where it is not known.
        unit: of a quantity.
        sequence: whether it tells of the signals before.
    """

    name: str
    values: NDArray[Any]
    unit: Unit = ""
    sequence: bool = False

    @property
    def is_choice(self) -> bool:
        """Whether its values are words."""
        return bool(self.values.dtype == object)


def attributes(
    signals: pd.DataFrame, placed: Placed, rows: Wholes, lookback: int
) -> Iterator[Attribute]:
    """Yield what is known of these signals.

    What came of a signal, its disposition and reason, is not among it, nor are amounts of money,
    which tell the time more than anything else.

    Args:
        signals: all signals; those before one are among them.
        placed: where they stand in the base data.
        rows: the signals wanted.
        lookback: how many signals before one are looked at.
    """
    some = signals.iloc[rows]
    close = _at_bars(placed, rows, lambda bars: bars.columns.get("close"))
    yield from _choices(some)
    yield from _columns(some, close)
    yield from _of_time(some)
    yield from _of_bars(placed, rows)
    for one in _of_signals_before(signals, lookback):
        yield Attribute(one.name, one.values[rows], one.unit, sequence=True)


def _choices(some: pd.DataFrame) -> Iterator[Attribute]:
    for name in _WORDS:
        if name in some:
            yield Attribute(name.removesuffix("_id").replace("_", " "), _words(some[name]))
    for name in ("direction", "position_before"):
        if name in some:
            yield Attribute(name.replace("_", " "), _sides(some[name]))
    for name in map(str, some.columns):
        if name.startswith("param_"):
            yield Attribute(f"parameter {name.removeprefix('param_')}", _words(some[name]))
        elif name.startswith("regime_") and not _is_number(some[name]):
            yield Attribute(name.replace("_", " "), _words(some[name]))


def _columns(some: pd.DataFrame, close: Reals) -> Iterator[Attribute]:
    for column in map(str, some.columns):
        prefix = next((one for one in _PREFIXES if column.startswith(one)), "")
        if not prefix and column not in _PLAIN:
            continue
        name = column.removeprefix(prefix)
        if not prefix:
            name = name.replace("_", " ")
        if not _is_number(some[column]):
            yield Attribute(name, _words(some[column]))
            continue
        values = some[column].to_numpy(np.float64, na_value=np.nan)
        if prefix == "indicator_" and _is_price(values, close):
            yield Attribute(f"close against {name}", (close / values - 1) * 100, "%")
        else:
            yield Attribute(name, values)


def _of_time(some: pd.DataFrame) -> Iterator[Attribute]:
    if "timestamp" not in some or not isinstance(some["timestamp"].dtype, pd.DatetimeTZDtype):
        return
    time = some["timestamp"].dt.tz_convert("UTC").dt
    day = time.day_of_week.to_numpy(np.float64, na_value=np.nan)
    yield Attribute("weekday", _named(day, dict(enumerate(_DAYS))))
    hour = time.hour.to_numpy(np.float64, na_value=np.nan)
    blocks = {
        start // _HOURS: f"{start:02}:00 to {start + _HOURS - 1:02}:59 UTC"
        for start in range(0, 24, _HOURS)
    }
    yield Attribute("time of day", _named(hour // _HOURS, blocks))


def _of_bars(placed: Placed, rows: Wholes) -> Iterator[Attribute]:
    """Yield what the bars up to that of the signal say, its own included."""
    for count in _RECENT:
        moved = _at_bars(placed, rows, lambda bars, n=count: _change(bars, n))
        yield Attribute(f"return of the last {count} bars", moved * 100, "%")
    longest = _RECENT[-1]
    spread = _at_bars(placed, rows, lambda bars: _volatility(bars, longest))
    yield Attribute(f"volatility of the last {longest} bars", spread * 100, "%")
    traded = _at_bars(placed, rows, lambda bars: _against_mean(bars.columns.get("volume"), longest))
    yield Attribute(f"volume against the last {longest} bars", traded, "times")
    height = _at_bars(placed, rows, _height)
    yield Attribute("close within the bar's range", height * 100, "%")


def _of_signals_before(signals: pd.DataFrame, lookback: int) -> Iterator[Attribute]:
    """Yield what the last signals of the same run, part, strategy and symbol were."""
    names = [n for n in ("run_id", "part", "strategy_id", "symbol") if n in signals]
    if not names or not len(signals):
        return
    owner = signals.groupby(names, sort=False, dropna=False).ngroup()
    for back in range(1, lookback + 1):
        which = "the signal before" if back == 1 else f"the signal {back} before"
        for name in _BEFORE:
            if name not in signals:
                continue
            earlier = signals[name].groupby(owner, sort=False).shift(back)
            words = _sides(earlier) if name == "direction" else _words(earlier)
            yield Attribute(f"{name.replace('_', ' ')} of {which}", words)
    if lookback and "bar_index" in signals:
        bar = pd.Series(signals["bar_index"].to_numpy(np.float64, na_value=np.nan))
        apart = bar - bar.groupby(owner.to_numpy(), sort=False).shift(1)
        yield Attribute("number of bars since the signal before", apart.to_numpy())


# --- values ---------------------------------------------------------------------------------------


def _is_number(column: pd.Series[Any]) -> bool:
    return bool(pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column))


def _words(column: pd.Series[Any]) -> NDArray[Any]:
    codes, names = pd.factorize(column)
    texts = np.array([f"{n:g}" if isinstance(n, float) else str(n) for n in names] + [None], object)
    return texts[codes]


def _sides(column: pd.Series[Any]) -> NDArray[Any]:
    return _named(np.sign(column.to_numpy(np.float64, na_value=np.nan)), _SIDES)


def _named(values: Reals, names: dict[Any, str]) -> NDArray[Any]:
    found = np.full(len(values), None, object)
    for value, name in names.items():
        found[values == value] = name
    return found


def _is_price(values: Reals, close: Reals) -> bool:
    known = np.isfinite(values) & np.isfinite(close) & (close > 0)
    if not known.any():
        return False
    ratio = values[known] / close[known]
    return bool(np.mean((ratio > 1 / _NEAR) & (ratio < _NEAR)) > 0.99)


def _at_bars(placed: Placed, rows: Wholes, of_bars: Any) -> Reals:
    """Return what a function of a series says at the bar of each signal."""
    found = np.full(len(placed.bar), np.nan)
    for bars, mine, at in placed:
        values = of_bars(bars)
        if values is not None:
            found[mine] = values[at]
    return found[rows]


def _change(bars: Bars, count: int) -> Reals | None:
    close = bars.columns.get("close")
    if close is None:
        return None
    found = np.full(len(close), np.nan)
    found[count:] = _ratio(close[count:], close[:-count]) - 1
    return found


def _volatility(bars: Bars, count: int) -> Reals | None:
    each = _change(bars, 1)
    return None if each is None else pd.Series(each).rolling(count).std().to_numpy()


def _against_mean(values: Reals | None, count: int) -> Reals | None:
    if values is None:
        return None
    return _ratio(values, pd.Series(values).rolling(count).mean().to_numpy())


def _height(bars: Bars) -> Reals | None:
    if not {"high", "low", "close"} <= set(bars.columns):
        return None
    return _ratio(bars["close"] - bars["low"], bars["high"] - bars["low"])


def _ratio(above: Reals, below: Reals) -> Reals:
    found = np.full(len(above), np.nan)
    np.divide(above, below, out=found, where=below > 0)
    return found
