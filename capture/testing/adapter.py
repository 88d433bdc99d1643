"""The contract suite for adapters: subclass it, name host and runs, and run pytest."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import capture
from capture.hookspecs import hookimpl
from capture.host import get_host
from capture.schema import TABLES
from capture.store.store import Store
from capture.store.verify import verify
from capture.testing import laws
from capture.testing.replaying import ReplayContract
from capture.testing.running import error_of
from capture.testing.telling import Listener, assert_same_story, assert_told
from capture.testing.traces import watch

if TYPE_CHECKING:
    from capture.store.recording import Recording
    from capture.testing.running import Run


__all__ = ["AdapterContract", "identical"]

# What is of one recording alone: its name, and the times at which it was made.
_OWN: Final = frozenset({"signal_id", "recorded_time", "processing_ns"})

_READER: Final = """
import sys
import pyarrow as pa
from capture.schema import TABLES
from capture.store.store import Store

folder, *places = sys.argv[1:]
for store, run_id in zip(places[::2], places[1::2], strict=True):
    recording = Store(store, recover=False)[run_id]
    for name in TABLES:
        table = recording.table(name)
        with pa.ipc.new_file(f"{folder}/{run_id}.{name}.arrow", table.schema) as file:
            file.write_table(table)
"""


class _Faulty:
    """An observer with a defect."""

    @hookimpl
    def on_signal(self) -> None:
        """Raise what an adapter might raise itself, of what it cannot write."""
        raise ValueError("a defect of the plugin")


class AdapterContract(ReplayContract):
    """What every adapter must do while it captures, and while it replays.

    A run is a function that gets `wrap`, passes the strategy through it where a user would, lets
    the host run, and returns the host's results. With `wrap` returning the strategy as it is, that
    is the uncaptured run; with `wrap` returning a replay instead, it is the replay.

    Where a host takes a strategy as functions by name, a run passes a mapping of them through
    `wrap`, and spreads what comes back.

    An adapter that listens, of a host without strategies to wrap, has runs that make no use of
    `wrap`: they are recorded inside `capture.record`, and `.into(...)` is their replay.

    Example:
        ```python
        def sma_cross(wrap):
            return Backtest(GOOG, wrap(SmaCross), cash=10_000).run()


        class TestBacktesting(AdapterContract):
            adapter = "backtesting"
            packages = ("backtesting",)
            runs = {"SMA cross": sma_cross}
            failing = staticmethod(sma_cross_that_raises)

            def compare(self, expected, got):
                assert identical(expected._trades, got._trades)

            def fills(self, results): ...

            @staticmethod
            def changed(run):
                return functools.partial(run, cash=20_000)
        ```

    Attributes:
        adapter: the name it is registered under.
        packages: import names of the host's packages, which must stay as they are.
        runs: runs by a name that a person reads; strategies that are hard on the adapter belong
            here as well as easy ones.
        failing: a run whose strategy raises after it has given signals.
        changed: optional; from one of the runs to the same run under another setting of the host.
            With it the suite tests that whoever read its portfolio is bound to its settings.

    What a subclass may say beside these: `compare_replay`, where a replay's results lack something
    that is neither trade nor equity; `on_other_data`, where bars are not handed over by the run;
    `captured` and `replays`, where a host is run in another way altogether.
    """

    failing: Run

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Let each test that asks for a run have every one."""
        if "run" in metafunc.fixturenames:
            metafunc.parametrize("run", list(self.runs.values()), ids=list(self.runs))

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        """Folder of a store that one test uses."""
        return tmp_path / "signals"

    @property
    def _failing(self) -> Run:
        # Looked up where a plain function is not bound as a method.
        found = inspect.getattr_static(type(self), "failing")
        run: Run = found.__func__ if isinstance(found, staticmethod) else found
        return run

    # --- the user's run ----------------------------------------------------------------------

    def test_the_adapter_is_found_by_what_it_wraps(self, run: Run) -> None:
        """The recording says which host it was."""
        assert self.adapter in get_host().adapters()
        assert self.kept(run)[1].manifest["host"] == self.adapter

    def test_a_captured_run_equals_an_uncaptured_one(self, run: Run) -> None:
        """To the last bit, whatever the strategy does."""
        self.compare(self.plain(run), self.kept(run)[0])

    def test_a_run_can_be_repeated(self, run: Run, folder: Path) -> None:
        """Two runs leave two equal recordings, and their base data under the same names."""
        _, first = self.kept(run)
        _, second = self.record(run, folder)
        kept, again = (
            sorted(path.name for path in (place / "base").iterdir())
            for place in (Path(first.store.root), folder)
        )
        assert again == kept
        assert first.run_id != second.run_id
        for name in TABLES:
            one, two = _comparable(first, name), _comparable(second, name)
            assert identical(one, two), f"two runs of the same left other {name}"

    # --- what is recorded --------------------------------------------------------------------

    def test_the_recording_is_complete(self, run: Run) -> None:
        """It ended, is sound, and numbers its events without a gap."""
        laws.assert_complete(self.kept(run)[1])

    def test_every_fill_of_the_host_is_recorded(self, run: Run) -> None:
        """With its bar, price and size."""
        results, recording = self.kept(run)
        laws.assert_fills(recording, self.fills(results))

    def test_every_signal_says_what_became_of_it(self, run: Run) -> None:
        """None is left at "generated", and its last status is one of an order or a refusal."""
        laws.assert_fates(self.kept(run)[1])

    def test_orders_and_fills_point_at_signals(self, run: Run) -> None:
        """Every order belongs to a signal that came before it, and every fill to an order."""
        laws.assert_linked(self.kept(run)[1])

    def test_another_process_reads_the_same(self, tmp_path: Path) -> None:
        """What was recorded is in the files, and in nothing else."""
        recordings = [self.kept(run)[1] for run in self.runs.values()]
        places = [word for r in recordings for word in (r.store.root, r.run_id)]
        command = [sys.executable, "-c", _READER, tmp_path, *places]
        subprocess.run(list(map(str, command)), check=True)
        for recording in recordings:
            for name in TABLES:
                with pa.ipc.open_file(tmp_path / f"{recording.run_id}.{name}.arrow") as file:
                    there = file.read_all().to_pandas()
                assert identical(there, recording.table(name).to_pandas())

    def test_observers_that_are_told_by_the_block_hear_all_of_it(
        self, run: Run, folder: Path
    ) -> None:
        """Once, as it is recorded; and the run is the same."""
        listener = Listener()
        with listener.listening():
            results, recording = self.record(run, folder, tell="by_block")
        self.compare(self.kept(run)[0], results)
        assert_told(recording, listener, frozenset())
        assert_same_story(self.kept(run)[1], recording)

    @pytest.mark.parametrize("tell", ["at_once", "by_block"])
    def test_what_an_observer_raises_is_let_through_if_the_user_wants_that(
        self, tell: str, folder: Path
    ) -> None:
        """Whatever it is; it is not taken for an error of what was about to be recorded."""
        run, faulty = next(iter(self.runs.values())), _Faulty()
        get_host().register(faulty, name="faulty")
        try:
            with pytest.raises(ValueError, match="a defect of the plugin"):
                self.captured(run, folder, tell=tell, plugin_failure="raise")
        finally:
            get_host().unregister(faulty)
        if tell == "by_block":
            recording = Store(folder).latest()
            laws.assert_complete(recording)
            assert len(recording.signals()) == len(self.kept(run)[1].signals())

    # --- what is left behind -----------------------------------------------------------------

    def test_nothing_of_the_host_stays_changed(self, run: Run, folder: Path) -> None:
        """Neither its modules nor its classes."""
        changed = watch(self.packages, lambda: self.plain(run))
        self.captured(run, folder)
        assert not changed()

    def test_nothing_of_the_host_stays_changed_by_a_run_that_raised(self, folder: Path) -> None:
        """Neither its modules nor its classes."""
        run = next(iter(self.runs.values()))
        changed = watch(self.packages, lambda: self.plain(run))
        with pytest.raises(BaseException):  # noqa: B017, PT011 - whatever the strategy raises
            self.captured(self._failing, folder)
        assert not changed()

    def test_nothing_is_written_before_the_host_runs(self, folder: Path) -> None:
        """To wrap is not to record, nor is to listen where nothing runs."""
        if self.listens:
            with capture.record(folder):
                pass
            assert not folder.exists()
            return
        wrapped: list[Any] = []

        def only_wrap(strategy: Any) -> Any:
            wrapped.append(self.wrapped(strategy, store=folder))
            raise _Wrapped

        with pytest.raises(_Wrapped):
            next(iter(self.runs.values()))(only_wrap)
        assert wrapped
        assert not folder.exists()

    # --- a run that raises -------------------------------------------------------------------

    def test_an_error_of_the_strategy_reaches_the_user_unchanged(self, folder: Path) -> None:
        """The same error as without capture."""
        plain, captured = (
            error_of(lambda: self.plain(self._failing)),
            error_of(lambda: self.captured(self._failing, folder)),
        )
        assert plain is not None, "the failing run does not fail"
        assert captured == plain

    def test_a_run_that_raised_is_recorded_as_failed(self, folder: Path) -> None:
        """With its signals up to then, and the next run is recorded as ever."""
        error_of(lambda: self.captured(self._failing, folder))
        store = Store(folder)
        assert [recording.state for recording in _recordings(folder)] == ["failed"]
        assert len(store.latest().signals())
        assert verify(store).ok
        run = next(iter(self.runs.values()))
        self.compare(self.plain(run), self.captured(run, folder))
        assert sorted(recording.state for recording in _recordings(folder)) == ["ended", "failed"]


class _Wrapped(Exception):
    """The strategy was wrapped; what the host would do with it is not wanted."""


def _recordings(folder: Path) -> list[Recording]:
    store = Store(folder)
    return [store[run_id] for run_id in store]


def _comparable(recording: Recording, name: str) -> pd.DataFrame:
    table = recording.table(name)
    kept = [column for column in table.column_names if column not in _OWN]
    frame: pd.DataFrame = table.select(kept).to_pandas()
    return frame


def identical(one: Any, other: Any) -> bool:
    """Return whether two results are the same: types, labels and every value; NaN equals NaN."""
    if type(one) is not type(other):
        return False
    if isinstance(one, pd.DataFrame):
        return (
            identical(one.index, other.index)
            and list(one.columns) == list(other.columns)
            and all(identical(one[name], other[name]) for name in one.columns)
        )
    if isinstance(one, pd.Series):
        return (
            identical(one.index, other.index)
            and one.dtype == other.dtype
            and (
                all(map(identical, one.to_list(), other.to_list()))
                if one.dtype == object
                else one.equals(other)
            )
        )
    if isinstance(one, pd.Index):
        return one.dtype == other.dtype and one.equals(other)
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and np.array_equal(one, other, equal_nan=True)
    return bool(one is other or one == other or (one != one and other != other))
