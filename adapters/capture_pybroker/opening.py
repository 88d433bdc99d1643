"""How a run begins to be recorded: its start record, its base data, its channels."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pybroker

from capture.recorder.adapting import slippage_of, source_of, start_record
from capture.recorder.channel import Channel, Share
from capture.store.run import RunStart
from capture_pybroker import rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from numpy.typing import NDArray

    from capture.config import SignalCaptureConfig
    from capture.journal.appending import Append
    from capture.recorder.engine import SignalCaptureEngine
    from capture.timeline import Timeline

__all__ = ["Channels", "Lines", "open_channels", "start_of"]


_ACCOUNT: Final = {
    "capital_available": "cash",
    "portfolio_equity": "equity",
    "portfolio_market_value": "market_value",
}
"""Columns of signals, and what the host calls them."""


class Channels(NamedTuple):
    """What is written through for one symbol, and the strategy that trades it."""

    strategy_id: str
    plain: Append
    intent: Append
    priced: Append
    signal: Append
    aside: Append
    fill: Channel
    executed: Channel
    status: Append


def start_of(calls: list[Any], *, config: SignalCaptureConfig, **said: Any) -> RunStart:
    """Return the start record of a run, or of a replay of one.

    Args:
        calls: the functions that are recorded.
        config: how.
        **said: name, parameters, settings and flags.
    """
    return start_record(
        config,
        getattr(calls[0], "replay_source", None),
        partial(_code, calls),
        host="pybroker",
        host_version=pybroker.__version__,
        libraries=("lib-pybroker", "numba", "numpy", "pandas"),
        **said,
    )


def _code(calls: list[Any]) -> str | None:
    texts = [source_of(plain_function(call)) for call in calls]
    return "\n\n".join(filter(None, texts)) or None


def plain_function(call: Any) -> Any:
    """Return the function that a method or a partial is made of, which has a source."""
    while True:
        inner = getattr(call, "__func__", None) or getattr(call, "func", None)
        if inner is None:
            return call if hasattr(call, "__code__") else type(call)
        call = inner


class Lines:
    """The series of one symbol, by bar: what signals are given late.

    Attributes:
        timeline: when its bars were.
        dates: their labels, as the host has them.
        columns: indicators and predictions by column; NaN where none was.
    """

    def __init__(
        self,
        timeline: Timeline,
        bars: pa.Table,
        dates: NDArray[Any],
        *,
        self_contained: bool,
    ) -> None:
        """Begin without indicators."""
        self.timeline = timeline
        self.dates = dates
        self.columns: dict[str, NDArray[np.float64]] = {}
        self.sources: Callable[[Any], list[str | None]] | None = None
        self.marks: Iterable[Any] | None = None
        """The host's account of the portfolio, by date."""
        self._close = bars.column("close").to_numpy() if "close" in bars.column_names else None
        self._market = (
            {
                f"market_{name}": bars.column(name).to_numpy(zero_copy_only=False)
                for name in bars.column_names
                if name not in {"timestamp", "available_time"}
            }
            if self_contained
            else {}
        )

    def put(self, column: str, first: int, values: NDArray[np.float64]) -> None:
        """Take down values from a bar on."""
        if column not in self.columns:
            self.columns[column] = np.full(len(self.dates), np.nan)
        self.columns[column][first : first + len(values)] = values

    def of_signals(self, columns: Mapping[str, Any]) -> dict[str, Any]:
        """Return times and indicators at the signals' bars."""
        at = columns["bar_index"]
        found = {
            "timestamp": self.timeline.labels(at),
            "available_time": self.timeline.closes(at),
            **{name: values[at] for name, values in self._market.items()},
            **{name: values[at] for name, values in self.columns.items()},
        }
        if self.marks is not None:
            found |= self._account(at)
        if self.sources is not None:
            found["source_signal_id"] = pa.array(self.sources(at), pa.string())
        return found

    def _account(self, at: Any) -> dict[str, Any]:
        """Return what the portfolio was worth when signals were given: at their bars' closes."""
        assert self.marks is not None
        marks = list(self.marks)
        dates = np.array([mark.date for mark in marks], dtype="datetime64[ns]")
        seen = [marks[place] for place in np.searchsorted(dates, self.dates[at]).tolist()]
        return {
            name: np.array([float(getattr(mark, of)) for mark in seen], dtype=np.float64)
            for name, of in _ACCOUNT.items()
        }

    def of_events(self, columns: Mapping[str, Any]) -> dict[str, Any]:
        """Return times."""
        return {"timestamp": self.timeline.labels(columns["bar_index"])}

    def of_fills(self, columns: Mapping[str, Any]) -> dict[str, Any]:
        """Return times, and slippage against the close that the decision saw."""
        found = {"timestamp": self.timeline.labels(columns["bar_index"])}
        if self._close is None:
            return found
        return {**found, **slippage_of(columns, self._close.__getitem__)}


def open_channels(
    engine: SignalCaptureEngine, symbol: str, strategy_id: str, segment: int, lines: Lines
) -> Channels:
    """Declare what one symbol's rows are written through."""
    own = {"symbol": symbol, "timeframe": lines.timeline.timeframe, "strategy_id": strategy_id}
    said, new = {**own, "segment": segment}, {**own, "action": "new", "phase": "exec"}
    plain = Share("signals", rows.PLAIN_SIGNAL, said, late=lines.of_signals)
    market = Share(
        "orders", rows.PLAIN_ORDER, {**new, "order_type": "market"}, late=lines.of_events
    )
    signal = Share("signals", rows.INTENT_SIGNAL, said, late=lines.of_signals)
    order = Share("orders", rows.INTENT_ORDER, new, late=lines.of_events)
    status, reason, actor = rows.OUTCOMES[rows.FILLED]
    done = {**own, "status": str(status), "reason": str(reason), "actor": actor}
    fill = Share("fills", {name: name for name, _ in rows.FILL}, own, late=lines.of_fills)
    executed = Share("statuses", rows.EXECUTED, done, late=lines.of_events)
    channel, joint = engine.channel, engine.joint_channel
    aside = {**own, "phase": "exec"}
    return Channels(
        strategy_id,
        joint(rows.PLAIN, (plain, market)).append,
        joint(rows.INTENT, (signal, order)).append,
        joint(rows.PRICED, (signal, order)).append,
        channel("signals", rows.SIGNAL, constants=said, late=lines.of_signals).append,
        channel("orders", rows.ASIDE, constants=aside, late=lines.of_events).append,
        channel("fills", rows.FILL, constants=own, late=lines.of_fills),
        joint(rows.FILL, (fill, executed)),
        channel("statuses", rows.STATUS, constants=own, late=lines.of_events).append,
    )
