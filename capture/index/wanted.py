"""Which position each recorded signal wanted, said from what the recording knows of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from capture.store.recording import Recording

    Reals = NDArray[np.float64]

__all__ = ["SIGNAL_COLUMNS", "wanted"]

SIGNAL_COLUMNS: Final = (
    "part",
    "seq",
    "signal_id",
    "direction",
    "signal_type",
    "position_before",
)
_OF_ORDER: Final = ("part", "signal_seq", "signal_id", "action", "size", "size_kind", "parent_id")
_OF_FILL: Final = ("part", "signal_seq", "signal_id", "effect")
_TARGETS: Final = ("target", "value")


def wanted(recording: Recording, signals: pd.DataFrame) -> Reals:
    """Return the position direction that each signal wants; NaN where it did not say.

    A recorded direction is the sign of the change. So:

    - a signal that goes flat wants 0, one that opens wants its direction;
    - one that orders a target wants the side of the target;
    - an adjustment wants to stay on the side that is held;
    - one against the position wants what its size leaves of it. Where the size was left to the
      host, it wants the other side if it opened something there, and else 0.

    Args:
        recording: the recording.
        signals: the columns `SIGNAL_COLUMNS` of its signals, in order.
    """
    direction = _real(signals["direction"])
    held = _real(signals["position_before"])
    size, kind = _orders(recording, signals)
    exits = (signals["signal_type"] == "exit").to_numpy() & (direction != 0)
    value = np.where(exits, np.where(_opened(recording, signals), direction, 0.0), direction)
    sized = exits & (kind == "units") & ~np.isnan(held) & ~np.isnan(size)
    value = np.where(sized, np.sign(held + direction * np.nan_to_num(size)), value)
    value = np.where(np.isin(kind, _TARGETS) & ~np.isnan(size), np.sign(size), value)
    return _adjusted(signals, direction, held, value)


def _adjusted(signals: pd.DataFrame, direction: Reals, held: Reals, value: Reals) -> Reals:
    """Return the values with those of adjustments: the side that is held."""
    adjusts = (signals["signal_type"] == "adjustment").to_numpy() & (direction != 0)
    value = np.where(adjusts & (held != 0) & ~np.isnan(held), np.sign(held), value)
    unknown = adjusts & np.isnan(held)
    if not unknown.any():
        return value
    # Nobody said what was held: then it is what the same strategy wanted before.
    series = pd.Series(np.where(unknown, np.nan, value), index=signals.index)
    names = [name for name in ("part", "strategy_id", "symbol", "timeframe") if name in signals]
    before = series.groupby([signals[name] for name in names], dropna=False).ffill()
    return np.where(unknown, before.fillna(signals["direction"]).to_numpy(np.float64), value)


def _orders(recording: Recording, signals: pd.DataFrame) -> tuple[Reals, NDArray[Any]]:
    """Return size and kind of size of the last order of each signal."""
    orders = _of_signals(recording, "orders", _OF_ORDER, signals)
    orders = orders[(orders["action"] == "new") & orders["parent_id"].isna()]
    last = orders.drop_duplicates(["part", "seq"], keep="last")
    found = signals[["part", "seq"]].merge(last, on=["part", "seq"], how="left")
    return _real(found["size"]), found["size_kind"].to_numpy(dtype=object)


def _opened(recording: Recording, signals: pd.DataFrame) -> NDArray[np.bool_]:
    """Return which signals have a fill that opened something."""
    fills = _of_signals(recording, "fills", _OF_FILL, signals)
    opened = fills.loc[fills["effect"] == "open", ["part", "seq"]]
    found: NDArray[np.bool_] = pd.MultiIndex.from_frame(signals[["part", "seq"]]).isin(
        pd.MultiIndex.from_frame(opened)
    )
    return found


def _of_signals(
    recording: Recording, table: str, columns: tuple[str, ...], signals: pd.DataFrame
) -> pd.DataFrame:
    """Return events with the number of their signal, found by its identity if they have none."""
    events: pd.DataFrame = recording.table(table, columns).to_pandas(use_threads=False)
    by_id = signals.drop_duplicates("signal_id").set_index("signal_id")["seq"]
    number = events["signal_seq"].astype("float64")
    events["seq"] = number.fillna(events["signal_id"].map(by_id)).fillna(-1).astype("int64")
    return events.drop(columns=["signal_seq", "signal_id"])


def _real(column: pd.Series[Any]) -> Reals:
    values: Reals = column.to_numpy(dtype=np.float64, na_value=np.nan)
    return values
