"""A signal that looked at bars of several symbols or timeframes."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from capture.errors import InvalidEvent
from capture.index.events import bar_number, signal_value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from capture.store.recording import Recording

__all__ = ["BarReference", "MultiSymbolSignal", "multi_symbol_signals"]

_COLUMNS = ("strategy_id", "symbol", "timeframe", "bar_index", "direction", "references")


class BarReference(NamedTuple):
    """A bar of the base data of a symbol and timeframe."""

    symbol: str
    timeframe: str | None
    bar_index: int


@dataclass(frozen=True)
class MultiSymbolSignal:
    """A signal with the bar of each symbol and timeframe that went into it.

    Attributes:
        value: the position that is wanted in the first of the bars' symbols; None if not known.
        references: the bars: the signal's own one first, each as (symbol, timeframe, bar index).
        strategy_id: the strategy.
        metadata: anything that JSON can hold.

    Example:
        ```python
        pair = MultiSymbolSignal(1, [("GOOG", "1min", 9000), ("SPY", "5min", 1799)])
        MultiSymbolSignal.from_sparse_format(pair.to_sparse_format()) == pair
        ```
    """

    value: float | None
    references: tuple[BarReference, ...]
    strategy_id: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what is no number or no bar."""
        value = signal_value(self.value)
        object.__setattr__(self, "value", None if math.isnan(value) else value)
        if isinstance(self.references, (str, Mapping)) or not isinstance(self.references, Iterable):
            raise InvalidEvent("references", self.references, _WANTED)
        found = tuple(_reference(said) for said in self.references)
        if not found:
            raise InvalidEvent("references", found, "must hold the signal's own bar at least")
        twice = [
            ref for place, ref in enumerate(found) if ref[:2] in {r[:2] for r in found[:place]}
        ]
        if twice:
            problem = "names a symbol and timeframe twice; a signal has one bar of each"
            raise InvalidEvent("references", tuple(twice[0]), problem)
        object.__setattr__(self, "references", found)
        object.__setattr__(self, "metadata", dict(self.metadata))

    @property
    def bar_index(self) -> int:
        """The signal's own bar."""
        return self.references[0].bar_index

    def bar_of(self, symbol: str, timeframe: str | None = None) -> int | None:
        """Return the bar of a symbol, or None; without a timeframe, of the first that it has."""
        for ref in self.references:
            if ref.symbol == symbol and timeframe in (None, ref.timeframe):
                return ref.bar_index
        return None

    def to_sparse_format(self) -> dict[str, Any]:
        """Return the signal as JSON can hold it: a list per column, an entry per bar."""
        return {
            "strategy_id": self.strategy_id,
            "value": self.value,
            "symbols": [ref.symbol for ref in self.references],
            "timeframes": [ref.timeframe for ref in self.references],
            "bar_indices": [ref.bar_index for ref in self.references],
            "metadata": dict(self.metadata),
        }

    @classmethod
    def from_sparse_format(cls, said: Mapping[str, Any]) -> MultiSymbolSignal:
        """Return the signal that `to_sparse_format` wrote."""
        try:
            columns = (said["symbols"], said["timeframes"], said["bar_indices"])
            references = tuple(BarReference(*row) for row in zip(*columns, strict=True))
        except (KeyError, TypeError, ValueError) as exc:
            problem = "needs symbols, timeframes and bar_indices of equal length"
            raise InvalidEvent("sparse format", said, problem) from exc
        more = said.get("metadata") or {}
        return cls(said.get("value"), references, said.get("strategy_id", ""), more)


_WANTED = "must be a list of (symbol, timeframe, bar index)"


def _reference(said: Any) -> BarReference:
    try:
        symbol, timeframe, bar = said
    except (TypeError, ValueError) as exc:
        raise InvalidEvent("references", said, _WANTED) from exc
    if not isinstance(symbol, str) or not (timeframe is None or isinstance(timeframe, str)):
        raise InvalidEvent("references", said, _WANTED)
    return BarReference(symbol, timeframe, bar_number(bar))


def multi_symbol_signals(recording: Recording) -> Iterator[MultiSymbolSignal]:
    """Yield each signal of a recording that refers to other bars, its own bar first."""
    rows = recording.table("signals", _COLUMNS)
    for row in rows.to_pylist():
        if row["references"] is None or row["bar_index"] is None:
            continue
        own = BarReference(row["symbol"], row["timeframe"], row["bar_index"])
        others = [BarReference(*said) for said in json.loads(row["references"])]
        last = {ref[:2]: ref for ref in others if ref[:2] != own[:2]}
        yield MultiSymbolSignal(row["direction"], (own, *last.values()), row["strategy_id"])
