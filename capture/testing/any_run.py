"""The suite that looks for a run of which an adapter's promises do not hold, with hypothesis."""

from __future__ import annotations

import inspect
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

import capture
from capture.errors import ClosedLoop
from capture.store.store import Store
from capture.testing import laws
from capture.testing.running import HostRuns, error_of
from capture.testing.telling import Listener, assert_same_story, assert_told

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

    from capture.store.recording import Recording
    from capture.testing.running import Run

__all__ = ["AnyRunContract"]


class AnyRunContract(HostRuns):
    """What holds of every run of a host, however its strategy behaves.

    `AdapterContract` asks more, of runs that somebody thought of. This asks of runs that nobody
    did: that a captured run equals an uncaptured one, that its recording is complete and sound,
    that each signal has one fate, that an observer is told what the recording says, that a recorded
    replay equals the run and is certified, and that under other settings a replay equals a fresh
    run, or is refused where the portfolio was read.

    Example:
        ```python
        @st.composite
        def any_run(draw):
            run = Planned(draw(plans()), **draw(settings()))
            return run, run.under(**draw(settings()))


        class TestAnyRunOfBacktesting(AnyRunContract):
            adapter = "backtesting"
            any_run = staticmethod(any_run)
            examples = 50
        ```

    Attributes:
        any_run: returns what hypothesis draws runs from, each beside the same one under other
            settings of the host. What a strategy does is best drawn as a plan of what to do at
            which bar, so that hypothesis can leave out what does not matter to what it found.
        growing: columns that the host may complete after an observer was told of them.
        examples: how many runs are tried from each seed.
        seeds: how many seeds there are, each a test of its own, so that they run side by side.
    """

    any_run: ClassVar[Any]
    growing: ClassVar[frozenset[str]] = frozenset()
    examples: ClassVar[int] = 25
    seeds: ClassVar[int] = 4

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Let each seed be a test."""
        if "start" in metafunc.fixturenames:
            metafunc.parametrize("start", range(self.seeds))

    def test_any_run_is_recorded_and_repeated(self, start: int) -> None:
        """To the last bit, or with the same error."""

        @seed(start)
        @settings(
            max_examples=self.examples,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            report_multiple_bugs=False,
            phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink),
        )
        @given(runs=self._drawn())
        def holds(runs: tuple[Run, Run]) -> None:
            with TemporaryDirectory(prefix="capture-any-") as folder:
                self.check(*runs, Path(folder))

        holds()

    def check(self, run: Run, other: Run, folder: Path) -> None:
        """Check one run, and how it is replayed under other settings."""
        wanted: list[Any] = []
        error = error_of(lambda: wanted.append(self.plain(run)))
        if error is not None:
            self._check_failed(run, error, folder)
            return
        results, recording = self.record(run, folder / "run")
        self.compare(wanted.pop(), results)
        laws.assert_complete(recording)
        laws.assert_fills(recording, self.fills(results))
        laws.assert_fates(recording)
        laws.assert_linked(recording)
        again = self.replays(run, capture.replay(recording), store=folder / "again")()
        self.compare_replay(results, again)
        replayed = Store(folder / "again").latest("replay")
        certificate = capture.parity(recording, replayed)
        assert certificate.exact, str(certificate)
        self._check_heard(run, results, recording, folder / "heard")
        self._check_elsewhere(other, recording, folder)

    def _check_heard(self, run: Run, results: Any, recording: Recording, folder: Path) -> None:
        """Check that it is the same run, and the same recording, when somebody hears of events."""
        for tell, growing in (("at_once", self.growing), ("by_block", frozenset[str]())):
            listener = Listener()
            with listener.listening():
                again, heard = self.record(run, folder / tell, tell=tell)
            self.compare(results, again)
            laws.assert_complete(heard)
            assert_told(heard, listener, growing)
            assert_same_story(recording, heard)

    def _check_failed(self, run: Run, error: tuple[type, Any], folder: Path) -> None:
        assert error_of(lambda: self.captured(run, folder / "run")) == error
        if not (folder / "run").exists():
            return  # it raised before the host had a strategy that could do anything
        store = Store(folder / "run")
        assert [store[run_id].state for run_id in store] == ["failed"] * len(store)
        assert capture.verify(store.root).ok

    def _check_elsewhere(self, other: Run, recording: Recording, folder: Path) -> None:
        fresh: list[Any] = []
        if error_of(lambda: fresh.append(self.plain(other))) is not None:
            return  # a strategy that does not get through there has nothing to be compared with
        # Not the flags of the manifest alone: what one part read binds that part.
        reads = any((part.record or {})["flags"].get("closed_loop") for part in recording.parts)
        try:
            again = self.replays(other, capture.replay(recording), store=folder / "other")()
        except ClosedLoop:
            assert reads
            return
        self.compare_replay(fresh.pop(), again)
        if reads:
            there = Store(folder / "other").latest("replay").manifest
            assert there["settings"] == recording.manifest["settings"]

    def _drawn(self) -> SearchStrategy[tuple[Run, Run]]:
        made = inspect.getattr_static(type(self), "any_run")
        drawn: SearchStrategy[tuple[Run, Run]] = made.__func__()
        return drawn
