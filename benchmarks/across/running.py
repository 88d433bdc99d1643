"""Each scenario in each backtester, replayed there as it was and in every other one as targets."""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import capture
from benchmarks.across.hosts import cannot, host, runs
from benchmarks.across.scenarios import SCENARIOS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from benchmarks.across.scenarios import Scenario
    from capture.contracts.replay import ReplayMode
    from capture.store.certificates import ParityCertificate
    from capture.store.explanations import Explanation
    from capture.store.recording import Recording

__all__ = ["Row", "explained", "recorded", "replayed", "rows"]


@dataclass(frozen=True)
class Row:
    """What became of one scenario, recorded in one backtester and replayed in another.

    Attributes:
        scenario: its name.
        original: where it was recorded.
        replayed: where it was replayed.
        exact: whether the certificate says that all of it is equal.
        explanation: what differs, and why.
    """

    scenario: str
    original: str
    replayed: str
    exact: bool
    explanation: Explanation


def recorded(scenario: Scenario, name: str, store: Path) -> Recording:
    """Record a scenario in a backtester."""
    with quiet():
        host(name).record(scenario, store)
    return capture.open(store).latest()


def replayed(recording: Recording, scenario: Scenario, name: str, store: Path) -> Recording:
    """Replay a recording: its calls where they are the backtester's own, and else its targets."""
    mode: ReplayMode = "intent" if recording.manifest["host"] == name else "target"
    with quiet():
        host(name).replay(capture.replay(recording, mode), scenario, store)
    return capture.open(store).latest("replay")


def explained(original: Recording, replay: Recording) -> ParityCertificate:
    """Compare the two, and lead what differs to its cause."""
    return capture.parity(original, replay, explain=True)


def rows(names: Sequence[str], folder: Path) -> Iterator[Row]:
    """Yield what every ordered pair of backtesters comes to that can run a scenario.

    What a backtester cannot express is not recorded there, and still replayed there.
    """
    for number, scenario in enumerate(SCENARIOS):
        able = [name for name in names if runs(name, scenario)]
        for first in able:
            if cannot(first, scenario):
                continue
            store = folder / f"{number}-{first}"
            original = recorded(scenario, first, store)
            for second in able:
                found = explained(original, replayed(original, scenario, second, store))
                assert found.explanation is not None
                yield Row(scenario.name, first, second, found.exact, found.explanation)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep progress bars of backtesters off the terminal."""
    with contextlib.redirect_stderr(io.StringIO()):
        yield
