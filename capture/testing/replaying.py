"""The half of the adapters' contract that is about replays; `AdapterContract` inherits it."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, ClassVar, Final

import pytest

import capture
from capture.errors import ClosedLoop, DataMismatch
from capture.store.store import Store
from capture.testing.running import HostRuns
from capture.testing.traces import watch

if TYPE_CHECKING:
    from collections.abc import Callable

    from capture.store.recording import Recording
    from capture.testing.running import Run

__all__ = ["ReplayContract"]

# Loads the test's own file, which need not lie on the path, and replays what is in the stores.
_AGAIN: Final = """
import sys
from importlib.util import module_from_spec, spec_from_file_location

file, module, name, *folders = sys.argv[1:]
spec = spec_from_file_location(module, file)
sys.modules[module] = loaded = module_from_spec(spec)
spec.loader.exec_module(loaded)
contract = loaded
for part in name.split("."):
    contract = getattr(contract, part)
contract().replay_everything(*folders)
"""


class ReplayContract(HostRuns):
    """What every adapter must do while it replays."""

    packages: ClassVar[tuple[str, ...]]
    runs: ClassVar[Mapping[str, Run]]
    changed: ClassVar[Callable[[Run], Run] | None] = None
    _kept: ClassVar[dict[int, tuple[Any, Recording]]]
    _folder: ClassVar[TemporaryDirectory[str]]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Leave out what needs to know how the host runs under other settings, if nobody says."""
        super().__init_subclass__(**kwargs)
        name = "test_other_settings_are_refused_where_the_portfolio_was_read"
        setattr(cls, name, None if cls.changed is None else getattr(ReplayContract, name))

    # --- what a subclass may override --------------------------------------------------------

    def on_other_data(self, run: Run, recording: Recording) -> Callable[[], Any]:
        """Return what replays a recording on bars that it was not made on."""
        if self.listens:
            raise NotImplementedError(f"{type(self).__name__} must say how bars are handed over")
        return self.replays(self._on_other_bars(recording), capture.replay(recording))

    # --- how it is done ----------------------------------------------------------------------

    def kept(self, run: Run) -> tuple[Any, Recording]:
        """Return results and recording of a run, made once for all tests that only read them."""
        cls = type(self)
        known = vars(cls).get("_kept")
        if known is None:
            cls._folder, known = TemporaryDirectory(prefix="capture-contract-"), {}
            cls._kept = known
        if id(run) not in known:
            known[id(run)] = self.record(run, Path(cls._folder.name) / str(len(known)))
        results, recording = known[id(run)]
        return results, Store(recording.store.root)[recording.run_id]

    def _on_other_bars(self, recording: Recording) -> Run:
        """Return a run of those there are that reads other bars than this recording."""
        for other in self.runs.values():
            if not _bars_of(recording) & _bars_of(self.kept(other)[1]):
                return other
        pytest.fail("all runs of this contract read the same bars; add one that reads others")

    # --- the same again ----------------------------------------------------------------------

    def test_a_replay_equals_the_run_each_time(self, run: Run) -> None:
        """To the last bit, from what the files say, twice in a row."""
        results, recording = self.kept(run)
        replay = capture.replay(recording)
        again = self.replays(run, replay)
        for _ in range(2):
            self.compare_replay(results, again())
            assert replay.divergence is None

    def test_a_recorded_replay_is_certified(self, run: Run, folder: Path) -> None:
        """Its trades, fills and equity are equal, and each signal names the one it repeats."""
        results, recording = self.kept(run)
        self.compare_replay(results, self.replays(run, capture.replay(recording), store=folder)())
        replayed = Store(folder).latest("replay")
        certificate = capture.parity(recording, replayed, save=True)
        assert certificate.exact, str(certificate)
        tables = [recording.table(name).num_rows for name in ("trades", "fills", "equity")]
        assert [comparison.original_rows for comparison in certificate.comparisons] == tables
        assert replayed.manifest["parent"] == recording.run_id
        assert replayed.manifest["settings"] == recording.manifest["settings"]
        # A signal that the strategy itself refused has no order, and nothing to do again.
        orders = recording.orders(["signal_id"], [("action", "=", "new")])
        sources = replayed.signals(["source_signal_id"])["source_signal_id"]
        assert sources.tolist() == orders["signal_id"].drop_duplicates().tolist()
        assert capture.verify(folder).ok

    def test_another_process_replays_the_same(self, tmp_path: Path) -> None:
        """A recording is all that a replay needs: each run is certified from another process."""
        recordings = {name: self.kept(run)[1] for name, run in self.runs.items()}
        cls = type(self)
        words = [inspect.getfile(cls), cls.__module__, cls.__qualname__, tmp_path]
        words += [recording.store.root for recording in recordings.values()]
        done = subprocess.run(
            [sys.executable, "-c", _AGAIN, *map(str, words)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        for number, (name, recording) in enumerate(recordings.items()):
            replayed = Store(tmp_path / str(number)).latest("replay")
            certificate = capture.parity(recording, replayed)
            assert certificate.exact, f"{name}: {certificate}"

    def replay_everything(self, place: str, *folders: str) -> None:
        """Replay each run from its store, and record that; called in the other process."""
        for number, (folder, run) in enumerate(zip(folders, self.runs.values(), strict=True)):
            replay = capture.replay(Store(folder).latest())
            self.replays(run, replay, store=Path(place) / str(number))()

    # --- what is refused ---------------------------------------------------------------------

    def test_other_bars_are_refused(self, run: Run) -> None:
        """Before anything happens on them."""
        _, recording = self.kept(run)
        with pytest.raises(DataMismatch):
            self.on_other_data(run, recording)()

    def test_other_settings_are_refused_where_the_portfolio_was_read(
        self, run: Run, folder: Path
    ) -> None:
        """Before the first bar, unless the user insists; and nowhere else."""
        other = inspect.getattr_static(type(self), "changed")
        change: Any = other.__func__ if isinstance(other, staticmethod) else other
        _, recording = self.kept(run)
        # Not the flags of the manifest alone: what one part read binds that part.
        reads = any((part.record or {})["flags"].get("closed_loop") for part in recording.parts)
        elsewhere = change(run)
        if reads:
            with pytest.raises(ClosedLoop):
                self.replays(elsewhere, capture.replay(recording), store=folder)()
            assert not (folder / "runs").exists()
        self.replays(elsewhere, capture.replay(recording), store=folder, force=reads)()
        kept = Store(folder).latest("replay")
        assert kept.state == "ended"
        assert kept.manifest["settings"] != recording.manifest["settings"]
        assert kept.manifest["source"]["forced"] is reads

    # --- what is left behind -----------------------------------------------------------------

    def test_a_replay_leaves_nothing_in_the_host(self, folder: Path) -> None:
        """Neither in its modules nor in its classes, whether it is recorded or not."""
        run = next(iter(self.runs.values()))
        _, recording = self.kept(run)
        changed = watch(self.packages, lambda: run(lambda strategy: strategy))
        self.replays(run, capture.replay(recording))()
        assert not changed()
        self.replays(run, capture.replay(recording), store=folder)()
        assert not changed()


def _bars_of(recording: Recording) -> set[str]:
    return {ref["fingerprint"] for part in recording.parts for ref in part.base}
