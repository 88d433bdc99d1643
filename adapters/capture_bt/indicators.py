"""What algos know: frames that they hold for all bars, and what they leave for one another."""

from __future__ import annotations

from numbers import Real
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from capture_bt.facts import algos_of, strategies_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from capture.recorder.engine import SignalCaptureEngine

__all__ = ["Frames", "Temps"]

_NO_INDICATORS: Final = frozenset({"selected"})


class Frames:
    """Frames by date and symbol that algos hold, such as the signals of `SelectWhere`.

    Attributes:
        metadata: where each comes from, by the indicator's name.
    """

    def __init__(self, root: Any, kwargs: Mapping[str, Any], index: pd.Index[Any]) -> None:
        """Find them."""
        self._index = index
        self._frames: dict[str, pd.DataFrame] = {}
        self._columns: dict[tuple[str, str], NDArray[Any] | None] = {}
        self.metadata: dict[str, dict[str, Any]] = {}
        for node in strategies_of(root):
            for name, algo in algos_of(node):
                for attribute, value in vars(algo).items() if hasattr(algo, "__dict__") else ():
                    # An algo may name a frame that the backtest was given.
                    found = kwargs.get(value) if isinstance(value, str) else value
                    if isinstance(found, pd.DataFrame) and _by_date(found, index):
                        short = attribute.strip("_").removesuffix("_name")
                        self._keep(f"{name}_{short}", node, name, attribute, found)

    def _keep(self, wanted: str, node: Any, algo: str, attribute: str, frame: pd.DataFrame) -> None:
        name, number = wanted, 1
        while name in self._frames:
            if self._frames[name] is frame:
                return
            number += 1
            name = f"{wanted}_{number}"
        self._frames[name] = frame
        self.metadata[name] = {
            "function": algo, "attribute": attribute, "strategy": str(node.name), "lines": [name],
        }  # fmt: skip

    def column(self, name: str, symbol: str) -> NDArray[Any] | None:
        """Return the values of an indicator at all bars of a symbol; None if it has none."""
        key = (name, symbol)
        if key not in self._columns:
            frame = self._frames[name]
            found = None
            if symbol in frame.columns and not frame.index.duplicated().any():
                found = _numbers(frame[symbol].reindex(self._index))
            self._columns[key] = found
        return self._columns[key]

    def at(self, symbol: str, bars: NDArray[Any]) -> dict[str, Any]:
        """Return every indicator of a symbol at these bars."""
        columns = {name: self.column(name, symbol) for name in self._frames}
        return {f"indicator_{name}": c[bars] for name, c in columns.items() if c is not None}

    def whole(self, symbols: list[str]) -> dict[str, NDArray[Any]]:
        """Return every indicator at every bar: of the first symbol, and of the others by name."""
        found = {}
        for name in self._frames:
            for symbol in symbols:
                column = self.column(name, symbol)
                if column is not None:
                    own = f"indicator_{name}"
                    found[own if own not in found else f"{own}_{symbol}"] = column
        return found


def _by_date(frame: pd.DataFrame, index: Any) -> bool:
    return isinstance(frame.index, pd.DatetimeIndex) and bool(len(frame.index.intersection(index)))


def _numbers(values: pd.Series) -> NDArray[Any] | None:
    try:
        return values.to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError):
        return None


class Temps:
    """What the algos of a run left in `temp` for each signal: weights, statistics, the user's own.

    It is read when the signal is given: the algos after it may leave other things there.
    """

    def __init__(self, engine: SignalCaptureEngine) -> None:
        """Begin with nothing."""
        self._engine = engine
        self._read: dict[int, dict[str, float]] = {}

    def expect(self, node: Any, child: Any) -> None:
        """Read what the next signal was decided on."""
        temp = getattr(node, "temp", None)
        if temp:
            self._read[self._engine.next_seq] = {
                f"indicator_{name}": number
                for name, value in temp.items()
                if name not in _NO_INDICATORS and (number := _number(value, child)) is not None
            }

    def at(self, seqs: NDArray[Any]) -> dict[str, Any]:
        """Return what there was for these signals, a column each."""
        rows = [self._read.get(seq, {}) for seq in seqs.tolist()]
        names = dict.fromkeys(name for row in rows for name in row)
        return {
            name: np.array([row.get(name, np.nan) for row in rows], dtype=np.float64)
            for name in names
        }


def _number(value: Any, child: Any) -> float | None:
    """Return what a value says of a child; None if it says nothing in numbers."""
    try:
        if hasattr(value, "get"):
            value = value.get(child)
        if isinstance(value, Real):
            return float(value)
    except Exception:  # whatever an object of the user's does when it is asked
        return None
    return None
