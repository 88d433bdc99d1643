"""Every message on the page about troubleshooting is one that a user really gets."""

from __future__ import annotations

import copy
import json
import re
import subprocess
import sys
import warnings
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest

import capture
from capture.contracts.executor import name_of
from capture.errors import CaptureError, CaptureWarning, MissingExtra
from capture.host import Host
from capture.recorder.engine import SignalCaptureEngine
from capture.store.run import RunStart
from capture.study.sequencer.course import Fed
from capture.study.sequencer.workflow import read_workflow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import pyarrow as pa

SIGNAL = {"symbol": "AAPL", "direction": 1}
CONTEXT = {"timestamp": datetime(2024, 3, 1, tzinfo=UTC), "strategy_id": "breakout"}

NAIVE = datetime(2024, 3, 1)


def _config(folder: Path, **settings: Any) -> capture.SignalCaptureConfig:
    return capture.SignalCaptureConfig(storage_path=folder / "signals", **settings)


def _record(folder: Path, signal: Any = SIGNAL, context: Any = CONTEXT, **settings: Any) -> str:
    with SignalCaptureEngine(_config(folder, **settings)) as engine:
        engine.capture_signal(signal, context)
        return engine.run_id


def _twice(folder: Path, first: Any, second: Any) -> None:
    with SignalCaptureEngine(_config(folder)) as engine:
        engine.capture_signal(*first)
        engine.capture_signal(*second)


class _Nothing:
    """A phase that does nothing."""

    name = "nothing"
    needs = ()

    def described(self) -> dict[str, Any]:
        return {}

    def run(self, course: Any) -> Fed:
        return Fed()


def _workflow(folder: Path, **words: Any) -> capture.Sequencer:
    """Return a workflow of an identity under which another was begun."""
    made = {"phases": [_Nothing()], "results": folder / "results", "workflow_id": "mine"}
    capture.Sequencer(**made).run()
    return capture.Sequencer(**made, **words)


def _written_twice(folder: Path) -> None:
    again = _workflow(folder)
    with again.store.writing("mine"):
        again.run(resume=True)


def _misspelt_key(folder: Path) -> None:
    place = folder / "workflow.yaml"
    place.write_text("workflow: study\nphases: {replay: {}}\nexecuter: {use: dask}\n")
    read_workflow(place)


def _no_main_guard(folder: Path) -> None:
    script = folder / "bare.py"
    script.write_text(
        "from capture.contracts.executor import Chunk\n"
        "from capture.errors import WorkersLost\n"
        "from capture.study.executors.processes import ProcessExecutor\n"
        "executor = ProcessExecutor(1)\n"
        "executor.submit(Chunk(0, ()))\n"
        "try:\n"
        "    executor.fetch()\n"
        "except WorkersLost as exc:\n"
        "    print(exc, end='')\n"
    )
    told = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    raise CaptureError(told.stdout)


def _missing_extra(_folder: Path) -> None:
    raise MissingExtra("the HDF5 backend", extra="hdf5", library="h5py")


def _misspelt_hook(_folder: Path) -> None:
    class Plugin:
        @capture.hookimpl
        def on_signl(self) -> None:
            """Listen to what never comes."""

    Host().register(Plugin(), name="mine")


def _misspelt_option(folder: Path) -> None:
    capture.SignalCaptureConfig.from_options(folder, {"bufer_size": 1})


def _halted(folder: Path) -> None:
    from threading import Event

    from capture.contracts.info import BackendInfo
    from capture.store.memory import MemoryStorageBackend

    go_on = Event()

    class Slow(MemoryStorageBackend):
        def append(self, table: str, batch: pa.RecordBatch) -> None:
            go_on.wait()
            super().append(table, batch)

    class Plugin:
        @capture.hookimpl
        def register_backends(self) -> Iterator[BackendInfo]:
            yield BackendInfo("slow", load=lambda: Slow)

    host = Host()
    host.register(Plugin(), name="slow")
    settings: dict[str, Any] = {"asynchronous": True, "overload": "halt", "max_pending_blocks": 1}
    engine = SignalCaptureEngine(
        _config(folder, backend="slow", buffer_size=1, **settings), host=host
    )
    try:
        for _ in range(10):
            engine.capture_signal(SIGNAL, CONTEXT)
    finally:
        go_on.set()
        engine.close()


def _backend_fails(folder: Path) -> None:
    from capture.contracts.info import BackendInfo
    from capture.store.memory import MemoryStorageBackend

    class Failing(MemoryStorageBackend):
        def append(self, table: str, batch: pa.RecordBatch) -> None:
            raise OSError("no such luck")

    class Plugin:
        @capture.hookimpl
        def register_backends(self) -> Iterator[BackendInfo]:
            yield BackendInfo("failing", load=lambda: Failing)

    host = Host()
    host.register(Plugin(), name="failing")
    engine = SignalCaptureEngine(_config(folder, backend="failing"), host=host)
    engine.capture_signal(SIGNAL, CONTEXT)
    try:
        engine.flush()
    finally:
        with suppress(CaptureError):
            engine.close()


def _after_close(folder: Path) -> None:
    engine = SignalCaptureEngine(_config(folder))
    engine.close()
    engine.capture_signal(SIGNAL, CONTEXT)


def _bad_status(folder: Path) -> None:
    with SignalCaptureEngine(_config(folder)) as engine:
        engine.capture_status(None, "done")


def _pickled(folder: Path) -> None:
    with SignalCaptureEngine(_config(folder)) as engine:
        copy.copy(engine)  # asks what pickling asks


# A process of its own: none of its files may grow, which is what a full disk looks like.
_DISK_FULL = """
import os, resource, signal, sys
import capture
config = capture.SignalCaptureConfig(storage_path=sys.argv[1])
capture.get_host().backend(config.backend)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
try:
    capture.SignalCaptureEngine(config)
except capture.errors.CaptureError as error:
    print(error)
"""


def _disk_full(folder: Path) -> None:
    words = [sys.executable, "-c", _DISK_FULL, str(folder / "signals")]
    said = subprocess.run(words, check=True, capture_output=True, text=True)
    raise CaptureError(said.stdout.strip())


def _in_a_file(folder: Path) -> None:
    (folder / "file").write_text("not a folder")
    _record(folder / "file")


def _busy(folder: Path) -> None:
    store = capture.Store(folder / "signals", create=True)
    run = store.begin_run(RunStart(host="h", strategy="s"))
    run.claim_part(0)
    run.claim_part(0)


def _over(folder: Path) -> None:
    store = capture.Store(folder / "signals", create=True)
    store.join_run(_record(folder)).claim_part()


def _ambiguous(folder: Path) -> None:
    _, run_id = _record(folder), _record(folder)
    capture.open(folder / "signals")[run_id[:4]]


def _empty_store(folder: Path) -> None:
    capture.Store(folder / "signals", create=True).latest()


def _newer(folder: Path) -> None:
    from capture.store.records import write_record

    _record(folder)
    write_record(folder / "signals" / "capture-store.json", {"format": 99})
    capture.open(folder / "signals")


def _tampered(folder: Path) -> None:
    run = folder / "signals" / "runs" / _record(folder)
    manifest = json.loads((run / "manifest.json").read_text())
    (run / "manifest.json").write_text(json.dumps({**manifest, "strategy": "other"}))
    _ = capture.open(folder / "signals")[run.name].manifest


def _no_marker(folder: Path) -> None:
    _record(folder)
    (folder / "signals" / "capture-store.json").unlink()
    capture.open(folder / "signals")


def _open_recording(folder: Path) -> capture.Recording:
    _record(folder)
    return capture.open(folder / "signals").latest()


def _captured(folder: Path, reads: bool = False) -> capture.Recording:
    """Record a run of Backtesting.py."""
    from backtesting import Backtest, Strategy
    from backtesting.test import GOOG

    class Once(Strategy):
        def init(self) -> None:
            self.looked = reads and self.equity

        def next(self) -> None:
            if len(self.data) == 50 and not (reads and self.position):
                self.buy(size=1)

    wrapped = capture.wrap(Once, store=folder / "signals", symbol="GOOG")
    Backtest(GOOG[:100], wrapped, cash=10_000, finalize_trades=True).run()
    return capture.open(folder / "signals").latest()


def _replayed(recording: capture.Recording, bars: int = 100, mode: Any = "intent") -> None:
    from backtesting import Backtest
    from backtesting.test import GOOG

    replay = capture.replay(recording, mode).into("backtesting")
    Backtest(GOOG[:bars], replay, cash=5_000, finalize_trades=True).run()


def _refused_elsewhere(folder: Path) -> None:
    from backtesting import Backtest, Strategy
    from backtesting.test import GOOG

    class Near(Strategy):
        def init(self) -> None:
            """Declare nothing."""

        def next(self) -> None:
            if len(self.data) == 40:
                self.buy(size=2, tp=self.data.Close[-1] * 1.002)

    Backtest(GOOG[:100], capture.wrap(Near, store=folder)).run()
    replay = capture.replay(capture.open(folder).latest()).into("backtesting")
    Backtest(GOOG[:100], replay, spread=0.004).run()


def _misread(folder: Path) -> None:
    from capture_backtesting import deferring

    def settle(*_args: Any) -> None:
        raise ValueError("no such column")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(deferring, "settle", settle)
        with pytest.warns(CaptureWarning) as told:
            _captured(folder)
    raise CaptureError(str(told[0].message))


def _nothing_to_record(folder: Path) -> None:
    with patch.dict(sys.modules, {"vectorbt": None}):  # as if it were not installed
        capture.record(folder / "signals").__enter__()


def _with_a_callback(folder: Path) -> None:
    import vectorbt as vbt
    from backtesting.test import GOOG
    from vectorbt.portfolio import nb

    def order(context: Any) -> Any:
        return nb.order_nb(size=1.0, price=context.close[context.i, context.col])

    with capture.record(folder / "signals") as recorded, warnings.catch_warnings():
        warnings.simplefilter("ignore", CaptureWarning)
        vbt.Portfolio.from_order_func(GOOG["Close"][:10], order, use_numba=False)
    capture.replay(recorded.recordings[0]).into("vectorbt")


def _several_strategies(folder: Path) -> None:
    with SignalCaptureEngine(_config(folder)) as engine:
        engine.capture_signal(SIGNAL, CONTEXT)
        engine.capture_signal(SIGNAL, {**CONTEXT, "strategy_id": "other"})
    capture.replay(engine.recording)


def _moved(folder: Path, *statuses: str, **fields: Any) -> None:
    from capture_sql import SignalRepository

    with SignalRepository(folder / "lifecycle.sqlite") as repository:
        saved = repository.save_signal({"symbol": "AAPL", "side": "buy"})
        for status in statuses:
            repository.update_signal_status(saved.signal_id, status, **fields)


def _unknown_signal(folder: Path) -> None:
    from capture_sql import SignalRepository

    with SignalRepository(folder / "lifecycle.sqlite") as repository:
        repository.update_signal_status("nobody", "submitted")


def _old_schema(folder: Path) -> None:
    from capture_sql import SignalRepository, versions
    from capture_sql.database import Database

    database = Database(folder / "lifecycle.sqlite", "journal", 1)
    versions.upgrade(database, "0001")
    database.close()
    SignalRepository(folder / "lifecycle.sqlite")


# By words of the message on the page: how to get it.
PROVOCATIONS: dict[str, Callable[[Path], object]] = {
    "needs an optional library": _missing_extra,
    "no backend is called": lambda f: _record(f, backend="parket"),
    "there is no hook": _misspelt_hook,
    "does not know what": lambda _: capture.wrap(object()),
    "but no initialize": lambda _: capture.wrap(handle_data=print),
    "is for backtesters without a strategy class": _nothing_to_record,
    "durability=": lambda f: _config(f, durability="eternal"),
    "there is no such option": lambda f: capture.SignalCaptureConfig.from_options(
        f, {"bufer_size": 1}
    ),
    "compression=": lambda f: _record(f, compression="squeeze"),
    "storage is too slow": _halted,
    "keeps could not be read": _misread,
    "the storage backend failed": _backend_fails,
    "the recorder is closed": _after_close,
    "cannot go to another process": _pickled,
    "symbol=None": lambda f: _record(f, {"direction": 1}),
    "timestamp=None": lambda f: _record(f, context={"strategy_id": "s"}),
    "has no time zone": lambda f: _record(
        f, context={**CONTEXT, "timestamp": datetime(2024, 3, 1)}
    ),
    "is before the last signal": lambda f: _twice(
        f, (SIGNAL, CONTEXT), (SIGNAL, {**CONTEXT, "timestamp": datetime(2023, 3, 1, tzinfo=UTC)})
    ),
    "direction=": lambda f: _record(f, {**SIGNAL, "direction": "sideways"}),
    "strength=nan": lambda f: _record(f, {**SIGNAL, "strength": float("nan")}),
    "not str": lambda f: _record(f, {**SIGNAL, "strength": "much"}),
    "signal_type=": lambda f: _record(f, {**SIGNAL, "signal_type": "enter"}),
    "status=": _bad_status,
    "was used before in this run": lambda f: _twice(
        f, ({**SIGNAL, "signal_id": "a"}, CONTEXT), ({**SIGNAL, "signal_id": "a"}, CONTEXT)
    ),
    "looks like a path": lambda f: _record(f, {**SIGNAL, "symbol": "../x"}),
    "was a number before": lambda f: _twice(
        f,
        (SIGNAL, {**CONTEXT, "indicators": {"rsi": 1.5}}),
        (SIGNAL, {**CONTEXT, "indicators": {"rsi": "high"}}),
    ),
    "no space for the next signals": _disk_full,
    "cannot be written": _in_a_file,
    "another writer is at work": _busy,
    "the run has ended": _over,
    "this folder does not exist": lambda f: capture.open(f / "nowhere"),
    "this folder is not a store": capture.open,
    "there is no run": lambda f: capture.open(_open_recording(f).store.root)["2020"],
    "runs begin with": _ambiguous,
    "no run of kind": _empty_store,
    "no table is called": lambda f: _open_recording(f).table("signal"),
    "no column of signals is called": lambda f: _open_recording(f).signals(columns=["directoin"]),
    "operator=": lambda f: _open_recording(f).signals(where=[("seq", "==", 1)]),
    "the strategy read": lambda f: _replayed(_captured(f, reads=True)),
    "was recorded on other data": lambda f: _replayed(_captured(f), bars=99),
    "its intents are those of": lambda f: _replayed(_open_recording(f)),
    "strategies; name one": _several_strategies,
    "what cannot be kept": _with_a_callback,
    "the host refuses buy": _refused_elsewhere,
    "it holds no bars": lambda f: _replayed(_open_recording(f), mode="signal"),
    "no backtester is called": lambda f: capture.replay(_open_recording(f)).into("backtestin"),
    "siz=": lambda f: capture.replay(_captured(f)).into("backtesting", siz=1),
    "there is no key": _misspelt_key,
    "a worker process ended before it began": _no_main_guard,
    "there is such a workflow already": lambda f: _workflow(f).run(),
    "was begun with another configuration": lambda f: _workflow(f, keep=["trades"]).run(
        resume=True
    ),
    "another process is at work on this workflow": _written_twice,
    "a worker imports it by name": lambda _: name_of(lambda: None),
    "the store has format": _newer,
    "the record is not what was written": _tampered,
    "the store's marker is missing": _no_marker,
    "that state is final": lambda f: _moved(f, "rejected", "submitted"),
    "it may become": lambda f: _moved(f, "submitted", "passed_risk"),
    "was changed meanwhile": lambda f: _moved(f, "passed_risk", "submitted", expected_version=1),
    "there is no signal": _unknown_signal,
    "its schema is of version": _old_schema,
}


@pytest.fixture
def messages(root: Path, blocks: Callable[[str], list[Any]]) -> list[str]:
    """Return the messages that stand on the page."""
    page = (root / "docs" / "troubleshooting.md").read_text()
    return [line for block in blocks(page) if block.info == "text" for line in block.lines]


@pytest.mark.parametrize("words", PROVOCATIONS)
def test_a_message_on_the_page_is_what_a_user_is_told(
    words: str, messages: list[str], tmp_path: Path
) -> None:
    [message] = [message for message in messages if words in message]
    pattern = ".*".join(re.escape(piece) for piece in message.split("..."))
    with pytest.raises(CaptureError, match=f"(?s)^{pattern}"):
        PROVOCATIONS[words](tmp_path)


def test_every_message_on_the_page_is_provoked(messages: list[str]) -> None:
    assert [m for m in messages if not any(words in m for words in PROVOCATIONS)] == []
