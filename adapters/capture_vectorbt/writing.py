"""One run: everything that is recorded of a call, written some time after it has returned."""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import vectorbt

from capture.errors import CaptureHalted, CaptureWarning
from capture.events import RunState
from capture.observers import is_let_through
from capture.recorder.engine import SignalCaptureEngine
from capture.recorder.facts import config_record
from capture.store.run import RunStart
from capture_vectorbt.accounts import account_of, equity_tables, trade_table
from capture_vectorbt.cells import Simulated, cells_of, no_cells
from capture_vectorbt.copying import Copies
from capture_vectorbt.fates import fates_of
from capture_vectorbt.frame import bars_of, frame_of, labels_of
from capture_vectorbt.held import Held
from capture_vectorbt.homes import Homes
from capture_vectorbt.indicators import gather
from capture_vectorbt.keeping import Keeper
from capture_vectorbt.settings import effective, flags_of
from capture_vectorbt.tables import Tables, open_segments
from capture_vectorbt.tracing import trace_indicators
from capture_vectorbt.waiting import STRATEGY

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from capture.config import SignalCaptureConfig
    from capture_vectorbt.accounts import Account
    from capture_vectorbt.calls import Call
    from capture_vectorbt.cells import Cells
    from capture_vectorbt.fates import Fates
    from capture_vectorbt.frame import Frame
    from capture_vectorbt.indicators import Gathered, Indicators, Seen
    from capture_vectorbt.repeating import Repeats
    from capture_vectorbt.waiting import Heard

__all__ = ["ARRAY", "CALL", "write", "write_failed"]

CALL: Final = "vectorbt.call"
"""The note that keeps the call."""

ARRAY: Final = "vectorbt.array."
"""What the notes begin with that keep the call's arrays; their number follows."""


def write(
    heard: Heard,
    *,
    config: SignalCaptureConfig,
    repeats: Repeats | None,
    ended: Callable[[str], None],
) -> None:
    """Write a call that returned; what goes wrong with that is a warning.

    Args:
        heard: the call.
        config: how to record.
        repeats: of a replay, what it repeats.
        ended: is told the identity of the run that it became, if it became one.
    """
    writer = _Writer(heard.call, config, repeats, heard)
    _attempt(writer, partial(writer.write, heard), ended)


def write_failed(
    call: Call,
    error: BaseException,
    indicators: Indicators,
    *,
    config: SignalCaptureConfig,
    repeats: Repeats | None,
    ended: Callable[[str], None],
) -> None:
    """Write a call that raised this error; see `write`."""
    writer = _Writer(call, config, repeats)
    _attempt(writer, partial(writer.fail, error, indicators), ended)


def _attempt(writer: _Writer, do: Callable[[], None], ended: Callable[[str], None]) -> None:
    try:
        do()
    except CaptureHalted:
        raise
    except Exception as exc:
        if is_let_through(exc):  # the run is sealed
            writer.tell(ended)
            raise
        writer.give_up(exc)
        warnings.warn(f"the run of vectorbt was not recorded: {exc}", CaptureWarning, stacklevel=5)
    writer.tell(ended)


class _Writer:
    def __init__(
        self,
        call: Call,
        config: SignalCaptureConfig,
        repeats: Repeats | None,
        heard: Heard | None = None,
    ) -> None:
        self.engine: SignalCaptureEngine | None = None
        self._call = call
        self._config = config
        self._repeats = repeats
        self._run_id = None if heard is None else heard.run_id

    def fail(self, error: BaseException, indicators: Indicators) -> None:
        """Record a call that raised: what was asked, its signals if they are known, the error."""
        call = self._call
        if call.simulated is None:
            keeper = Keeper(lambda _argument, _values: None)
            kept = self._kept(keeper, (0, 0))
            engine = self._begin(keeper)
            self._note(kept, keeper)
        else:
            simulated = Simulated(call)
            close = simulated.whole(simulated.array("close"))
            labels = labels_of(call, simulated.shape)
            seen = indicators.seen(simulated.shape[0], Copies())
            opened = self._open(labels, close, simulated, seen, groups=None)
            engine = opened.engine
            opened.tables(None, None, self._repeats).append(
                simulated, opened.segments, opened.gathered
            )
            self._note(opened.kept, opened.keeper)
        engine.close(RunState.FAILED, problem=f"{type(error).__name__}: {error}")

    def give_up(self, exc: Exception) -> None:
        """Close what was begun."""
        if self.engine is not None and not self.engine.closed:
            try:
                self.engine.close(RunState.FAILED, problem=f"{type(exc).__name__}: {exc}")
            except Exception as second:
                warnings.warn(str(second), CaptureWarning, stacklevel=5)

    def tell(self, ended: Callable[[str], None]) -> None:
        """Say which run was begun, if one was."""
        if self.engine is not None:
            ended(self.engine.run_id)

    def write(self, heard: Heard) -> None:
        """Record a call that returned a portfolio."""
        simulated = None if self._call.simulated is None else Simulated(self._call)
        portfolio = heard.account
        account = account_of(portfolio)
        labels = (portfolio.wrapper.index, portfolio.wrapper.columns)
        groups = None if account.groups is None else account.group_of.tolist()
        opened = self._open(labels, account.close, simulated, heard.indicators, groups=groups)
        engine, frame = opened.engine, opened.frame
        fates = fates_of(opened.cells, simulated, account)
        tables = opened.tables(account, fates, self._repeats)
        tables.told, tables.late_missing = not heard.recovered, heard.lacks
        tables.append(simulated, opened.segments, opened.gathered)
        self._note(opened.kept, opened.keeper)
        for rows in equity_tables(account, frame):
            engine.append_table("equity", rows)
        engine.append_table("trades", trade_table(account, frame))
        if heard.recovered:
            engine.close(RunState.RECOVERED, problem="the process that recorded it died")
        else:
            engine.close()

    def _open(
        self,
        labels: tuple[Any, Any],
        close: NDArray[Any],
        simulated: Simulated | None,
        indicators: list[Seen],
        *,
        groups: list[int] | None,
    ) -> _Opened:
        """Begin the run: its bars, its strategies, and the call as it is to be kept."""
        call = self._call
        frame = frame_of(labels, close, call, self._config)
        cells = no_cells() if simulated is None else cells_of(call, simulated)
        gathered = gather(indicators, labels[1], cells)
        bars = bars_of(close, frame, simulated)
        shape = (close.shape[0], close.shape[1])
        stored = Held(shape, cells, simulated, bars, frame)
        homes = Homes(stored, call.arguments.get("close"), frame.columns.symbols)
        keeper = Keeper(homes.known)
        kept = self._kept(keeper, shape)
        kept["strategies"] = list(frame.columns.strategies)
        kept["symbols"] = list(frame.columns.symbols)
        kept["groups"] = groups
        engine = self._begin(keeper)
        trace_indicators(engine, frame.columns.strategies, labels[0], gathered)
        for symbol, table in bars.tables.items():
            engine.add_base_data(table, symbol=symbol, timeframe=frame.timeline.timeframe)
        if frame.timeline.naive:
            engine.flag("naive_timestamps_taken_for_utc")
        return _Opened(engine, frame, cells, gathered, keeper, kept)

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
            "run_id": self._run_id,
            "started_ns": call.started_ns,
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


@dataclass(frozen=True)
class _Opened:
    """A run that has begun, and what is known of it by then."""

    engine: SignalCaptureEngine
    frame: Frame
    cells: Cells
    gathered: Gathered
    keeper: Keeper
    kept: dict[str, Any]

    @cached_property
    def segments(self) -> NDArray[np.int32]:
        """The schema segment of each column; they are opened when they are first asked for."""
        return open_segments(self.engine, self.frame, self.gathered)

    def tables(
        self, account: Account | None, fates: Fates | None, repeats: Repeats | None
    ) -> Tables:
        """Return what writes the events; account and fates are unknown of a run that raised."""
        return Tables(self.engine, self.frame, account, self.cells, fates, repeats)
