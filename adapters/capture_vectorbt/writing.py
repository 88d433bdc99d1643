"""One run: everything that is recorded of a call, written when the call has returned."""

from __future__ import annotations

import json
import warnings
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import vectorbt

from capture.errors import CaptureHalted, CaptureWarning
from capture.events import EVENTS, RunState
from capture.recorder.engine import SignalCaptureEngine
from capture.recorder.facts import StrategyFacts, config_record
from capture.store.run import RunStart
from capture_vectorbt import signals
from capture_vectorbt.accounts import account_of, equity_tables, trade_table
from capture_vectorbt.cells import Cells, Simulated, cells_of, no_cells
from capture_vectorbt.fates import Fates, fates_of
from capture_vectorbt.frame import bars_of, frame_of
from capture_vectorbt.held import Held
from capture_vectorbt.homes import Homes
from capture_vectorbt.indicators import Gathered
from capture_vectorbt.keeping import Keeper
from capture_vectorbt.settings import effective, flags_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from capture.config import SignalCaptureConfig
    from capture_vectorbt.accounts import Account
    from capture_vectorbt.calls import Call
    from capture_vectorbt.frame import Frame
    from capture_vectorbt.indicators import Indicators
    from capture_vectorbt.repeating import Repeats

__all__ = ["ARRAY", "CALL", "write"]

CALL: Final = "vectorbt.call"
"""The note that keeps the call."""

ARRAY: Final = "vectorbt.array."
"""What the notes begin with that keep the call's arrays; their number follows."""

STRATEGY: Final = "vectorbt"


def write(
    call: Call,
    portfolio: Any,
    error: BaseException | None,
    *,
    config: SignalCaptureConfig,
    indicators: Indicators,
    ended: Callable[[str], None],
    repeats: Repeats | None = None,
) -> None:
    """Record a call; what goes wrong with that is a warning, and never the user's error.

    Args:
        call: what was called.
        portfolio: what it returned; None if it raised.
        error: what it raised.
        config: how to record.
        indicators: the indicators that were made before.
        ended: is told the identity of the run.
        repeats: of a replay, what it repeats.
    """
    writer = _Writer(call, config, repeats)
    try:
        if portfolio is None:
            writer.fail(error)
        else:
            writer.write(portfolio, indicators)
    except CaptureHalted:
        raise
    except Exception as exc:
        writer.give_up(exc)
        warnings.warn(f"the run of vectorbt was not recorded: {exc}", CaptureWarning, stacklevel=4)
    if writer.engine is not None:
        ended(writer.engine.run_id)


class _Writer:
    def __init__(self, call: Call, config: SignalCaptureConfig, repeats: Repeats | None) -> None:
        self.engine: SignalCaptureEngine | None = None
        self._call = call
        self._config = config
        self._repeats = repeats

    def fail(self, error: BaseException | None) -> None:
        """Record a call that raised: what was asked, and the error."""
        keeper = Keeper(lambda _argument, _values: None)
        kept = self._kept(keeper, (0, 0))
        engine = self._begin(keeper)
        self._note(kept, keeper)
        engine.close(RunState.FAILED, problem=f"{type(error).__name__}: {error}")

    def give_up(self, exc: Exception) -> None:
        """Close what was begun."""
        if self.engine is not None and not self.engine.closed:
            try:
                self.engine.close(RunState.FAILED, problem=f"{type(exc).__name__}: {exc}")
            except Exception as second:
                warnings.warn(str(second), CaptureWarning, stacklevel=5)

    def write(self, portfolio: Any, indicators: Indicators) -> None:
        """Record a call that returned a portfolio."""
        call = self._call
        frame = frame_of(portfolio, call, self._config)
        simulated = None if call.simulated is None else Simulated(call)
        account = account_of(portfolio)
        cells = no_cells() if simulated is None else cells_of(call, simulated)
        gathered = indicators.gather(portfolio.wrapper, cells, account.close.shape[0])
        bars = bars_of(portfolio, frame, simulated)
        shape = account.close.shape
        stored = Held((shape[0], shape[1]), cells, simulated, bars, frame)
        homes = Homes(stored, call.arguments.get("close"), frame.columns.symbols)
        keeper = Keeper(homes.known)
        kept = self._kept(keeper, shape)
        kept["strategies"] = list(frame.columns.strategies)
        kept["symbols"] = list(frame.columns.symbols)
        kept["groups"] = None if account.groups is None else account.group_of.tolist()
        engine = self._begin(keeper)
        for symbol, table in bars.tables.items():
            engine.add_base_data(table, symbol=symbol, timeframe=frame.timeline.timeframe)
        if frame.timeline.naive:
            engine.flag("naive_timestamps_taken_for_utc")
        segments = _segments(engine, frame, gathered)
        if simulated is not None:
            fates = fates_of(
                cells, simulated, account.records, account.assets, account.own_cash, account.logs
            )
        else:
            fates = _fateless(len(account.records))
        _Tables(engine, frame, account, cells, fates, self._repeats).append(
            simulated, segments, gathered
        )
        self._note(kept, keeper)
        for rows in equity_tables(account, frame):
            engine.append_table("equity", rows)
        engine.append_table("trades", trade_table(account, frame))
        engine.close()

    def _kept(self, keeper: Keeper, shape: tuple[int, ...]) -> dict[str, Any]:
        call = self._call
        arguments = {name: keeper.argument(name, v) for name, v in call.arguments.items()}
        defaults = {name: keeper.argument(name, v) for name, v in call.defaults.items()}
        return {
            "outer": call.outer,
            "constructor": call.constructor,
            "arguments": arguments,
            "defaults": defaults,
            "indexes": keeper.indexes,
            "shape": list(shape),
        }

    def _begin(self, keeper: Keeper) -> SignalCaptureEngine:
        call, config = self._call, self._config
        seed = call.arguments.get("seed", call.defaults.get("seed"))
        said: dict[str, Any] = {
            "host": "vectorbt",
            "host_version": vectorbt.__version__,
            "strategy": STRATEGY,
            "config": config_record(config),
            "backend": config.backend,
            "seed": int(seed) if isinstance(seed, (int, np.integer)) else config.seed,
            "libraries": ("vectorbt", "numba", "numpy", "pandas"),
            "settings": effective(call),
            "flags": flags_of(call, keeper.unkept),
        }
        start = RunStart(**said) if self._repeats is None else self._repeats.start(**said)
        self.engine = SignalCaptureEngine(config, run=start)
        return self.engine

    def _note(self, kept: Mapping[str, Any], keeper: Keeper) -> None:
        assert self.engine is not None
        names = [CALL, *(f"{ARRAY}{number}" for number in range(len(keeper.arrays)))]
        values = [json.dumps(kept), *(json.dumps(array) for array in keeper.arrays)]
        self.engine.append_table("notes", pa.table({"name": names, "value": values}), events=True)


class _Tables:
    """Writes the tables of events, which refer to one another by sequence number."""

    def __init__(
        self,
        engine: SignalCaptureEngine,
        frame: Frame,
        account: Account,
        cells: Cells,
        fates: Fates,
        repeats: Repeats | None,
    ) -> None:
        self._engine = engine
        self._frame = frame
        self._account = account
        self._cells = cells
        self._fates = fates
        self._repeats = repeats

    def append(
        self, simulated: Simulated | None, segments: NDArray[np.int32], gathered: Gathered
    ) -> None:
        engine, frame, cells, count = self._engine, self._frame, self._cells, len(self._cells)
        seqs = engine.next_seq + np.arange(count)
        order_seqs = seqs + count
        prefix = (engine.signal_id(0) or "")[:-1]
        ids = pc.binary_join_element_wise(prefix, pa.array(seqs).cast(pa.string()), "")
        refs = {"signal_id": ids, "signal_seq": seqs}
        if simulated is not None and count:
            rows = signals.signal_table(
                cells,
                frame,
                self._account,
                segments=segments,
                signal_ids=ids,
                gathered=gathered.columns,
            )
            if self._repeats is not None:
                rows = rows.append_column("source_signal_id", self._repeats.ids(cells))
            self._write("signals", rows)
            self._write("orders", signals.order_table(cells, frame, simulated, order_seqs, refs))
        if len(self._account.records):
            fills = signals.fill_table(
                cells,
                frame,
                self._account,
                self._fates,
                seqs=seqs,
                order_seqs=order_seqs,
                signal_ids=ids,
            )
            self._write("fills", fills)
        if count:
            self._write(
                "statuses", signals.status_table(cells, frame, self._fates, order_seqs, refs)
            )

    def _write(self, table: str, rows: pa.Table) -> None:
        first = self._engine.next_seq
        self._engine.append_table(table, rows, events=True)
        observe = self._engine.observer(table)
        if observe is not None:
            part = self._engine.part
            for number, row in enumerate(rows.to_pylist()):
                observe(EVENTS[table](part=part, seq=first + number, **row))


def _segments(engine: SignalCaptureEngine, frame: Frame, gathered: Gathered) -> NDArray[np.int32]:
    """Open a segment per strategy; return that of each column."""
    opened: dict[str, int] = {}
    for column, strategy in enumerate(frame.columns.strategies):
        if strategy not in opened:
            facts = StrategyFacts(strategy, frame.columns.params[column], gathered.metadata[column])
            opened[strategy] = engine.segment(facts)
    return np.array([opened[s] for s in frame.columns.strategies], dtype=np.int32)


def _fateless(fills: int) -> Fates:
    return Fates(
        np.empty(0, np.int8), [], np.full(fills, -1, dtype=np.int64), np.zeros(fills, dtype=bool)
    )
