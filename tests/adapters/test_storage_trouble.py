"""When the store fails: a clear error before the run begins, and never in the middle of one."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import warnings
from typing import TYPE_CHECKING, Any

import pytest

import capture
from capture.contracts.info import BackendInfo
from capture.errors import CaptureHalted, CaptureWarning, StoreError, UnknownName
from capture.host import Host, use_host
from capture.host.sources import built_in
from tests.adapters import strategies as s
from tests.adapters.runs import CASES, Case, assert_same_results, captured, goog

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.host

FREE = {"cash": 10_000}
BUSY = Case(s.AlwaysTrading, goog, FREE)


def test_a_file_where_the_store_should_be_is_said_before_the_run(tmp_path: Path) -> None:
    (tmp_path / "signals").write_text("my notes")
    with pytest.raises(StoreError, match="signals"):
        captured(Case(s.SmaCross, goog, FREE), tmp_path / "signals")
    assert (tmp_path / "signals").read_text() == "my notes"


def test_an_unknown_backend_is_said_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match='Did you mean "parquet"'):
        captured(Case(s.SmaCross, goog, FREE), tmp_path, backend="parqet")
    assert not list(tmp_path.iterdir())


class Failing:
    """A backend whose disk gives up at the third block, until there is room again."""

    room = False

    def __init__(self, folder: Path, **options: Any) -> None:
        from capture_parquet.backend import ParquetStorageBackend

        self._blocks = options.pop("blocks", 2)
        self._real = ParquetStorageBackend(folder, **options)

    def append(self, table: str, batch: Any) -> None:
        if self._blocks == 0 and not Failing.room:
            raise OSError(28, "No space left on device")
        self._blocks -= 1
        self._real.append(table, batch)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


@pytest.fixture
def failing_backend(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(Failing, "room", False)

    class Plugin:
        @capture.hookimpl
        def register_backends(self) -> Any:
            yield BackendInfo("failing", load=lambda: Failing)

    with use_host(Host(built_in())) as host:
        host.register(Plugin(), name="failing-backend")
        yield "failing"


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_backend_that_fails_in_the_middle_leaves_the_run_alone_and_loses_nothing(
    failing_backend: str, asynchronous: bool, tmp_path: Path
) -> None:
    expected = BUSY()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        results = BUSY(
            lambda it: capture.wrap(
                it, store=tmp_path, backend=failing_backend, buffer_size=500,
                asynchronous=asynchronous,
            )
        )  # fmt: skip
    assert_same_results(expected, results)
    ours = [w for w in caught if issubclass(w.category, CaptureWarning)]
    # The recorder says it when it happens, the adapter that the recording is not sealed.
    assert len(ours) in (1, 2)
    assert all("No space left on device" in str(warning.message) for warning in ours)
    Failing.room = True
    recording = capture.open(tmp_path).latest()
    assert recording.state == "crashed-recovered"
    _, whole = captured(BUSY, tmp_path / "whole")
    assert list(recording.signals()["seq"]) == list(whole.signals()["seq"])
    assert list(recording.fills()["price"]) == list(whole.fills()["price"])


def test_without_a_journal_what_fails_is_told_and_the_run_goes_on(
    failing_backend: str, tmp_path: Path
) -> None:
    expected = BUSY()
    with pytest.warns(CaptureWarning, match="No space left") as caught:
        results = BUSY(
            lambda it: capture.wrap(
                it, store=tmp_path, backend=failing_backend, buffer_size=500, durability="memory"
            )
        )
    assert_same_results(expected, results)
    assert len([w for w in caught if issubclass(w.category, CaptureWarning)]) <= 2


def test_a_user_who_wants_the_run_to_halt_gets_that(failing_backend: str, tmp_path: Path) -> None:
    class Slow(Failing):
        def append(self, table: str, batch: Any) -> None:
            import time

            time.sleep(0.05)
            self._real.append(table, batch)

    class Plugin:
        @capture.hookimpl
        def register_backends(self) -> Any:
            yield BackendInfo("slow", load=lambda: Slow)

    from capture.host import get_host

    get_host().register(Plugin(), name="slow-backend")
    with pytest.raises(CaptureHalted):
        BUSY(
            lambda it: capture.wrap(
                it, store=tmp_path, backend="slow", overload="halt", asynchronous=True,
                buffer_size=20, max_pending_blocks=1,
            )
        )  # fmt: skip


def test_a_full_disk_leaves_the_run_alone_and_what_was_accepted_is_safe(tmp_path: Path) -> None:
    code = textwrap.dedent(
        """
        import resource, signal, sys, warnings
        from tests.adapters.test_storage_trouble import BUSY
        import capture
        from capture.errors import CaptureWarning

        plain = BUSY()
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        wrap = lambda it: capture.wrap(it, store=sys.argv[1], buffer_size=200)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            backtest = BUSY.backtest(wrap)
            own = backtest._strategy.init

            def init(self):
                own(self)
                self.left = 900

            def next_(self, step=backtest._strategy.next):
                step(self)
                self.left -= 1
                if not self.left:
                    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))

            backtest._strategy.init, backtest._strategy.next = init, next_
            got = backtest.run()
        resource.setrlimit(
            resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        )
        assert got._trades.equals(plain._trades), "another result"
        ours = [str(w.message) for w in caught if issubclass(w.category, CaptureWarning)]
        print(len(ours), *ours, sep="\\n")
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "signals")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] in {"1", "2"}, done.stdout
    recording = capture.open(tmp_path / "signals").latest()
    assert recording.state in {"crashed-recovered", "ended"}
    signals = recording.signals()
    assert len(signals) >= 900
    _, whole = captured(BUSY, tmp_path / "whole")
    assert list(signals["bar_index"]) == list(whole.signals()["bar_index"][: len(signals)])


def test_a_dropped_signal_is_counted_and_the_run_is_the_same(tmp_path: Path) -> None:
    case = CASES["nasty, at every bar"]
    results, recording = captured(
        case, tmp_path, overload="drop", asynchronous=True, buffer_size=4, max_pending_blocks=1
    )
    assert_same_results(case(), results)
    kept, dropped = len(recording.signals()), recording.parts[0].record["statistics"]["dropped"]
    assert kept
    _, whole = captured(case, tmp_path / "whole")
    assert kept <= len(whole.signals())
    assert bool(dropped) == (
        kept + len(recording.orders()) + len(recording.fills())
        < sum(len(t) for t in (whole.signals(), whole.orders(), whole.fills()))
    )
