"""What a report shows, as values: nothing here is computed, and nothing knows of HTML."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from capture.analysis.consistency import ConsistencyReport
    from capture.analysis.patterns.report import PatternReport
    from capture.analysis.quality import SignalQualityReport
    from capture.analysis.selection.report import SelectionReport

    Reals = NDArray[np.float64]
    Wholes = NDArray[np.int64]

__all__ = [
    "Account",
    "Activity",
    "Curve",
    "Fates",
    "Histogram",
    "Marks",
    "Point",
    "Provenance",
    "Report",
    "Ribbon",
    "Side",
    "Stretch",
    "Timeline",
    "Tone",
]


class Tone(StrEnum):
    """How a finding is to be taken."""

    ATTENTION = "attention"
    """Look at this before you believe the rest."""
    GOOD = "good"
    """This is as one would wish."""
    NOTE = "note"
    """Worth knowing."""


class Point(NamedTuple):
    """One of the findings that a report begins with."""

    tone: Tone
    about: str
    text: str


class Side(StrEnum):
    """What became of a signal, as far as a picture tells it."""

    TAKEN = "taken"
    REFUSED = "refused"
    OPEN = "open"


@dataclass(frozen=True, eq=False)
class Curve:
    """A line over bars, thinned to what can be seen.

    Attributes:
        x: milliseconds since 1970, or numbers of bars.
        y: the values.
        each: how many bars two points stand for: the lowest and the highest; 1 if all are there.
    """

    x: Reals
    y: Reals
    each: int


@dataclass(frozen=True, eq=False)
class Marks:
    """Signals of one direction and one fate, at the close of their bars.

    Attributes:
        side: what became of them.
        direction: 1, -1, or 0.
        x: as in `Curve`.
        y: close of the signal's bar.
        seqs: their sequence numbers.
        why: place of each one's reason among `reasons`.
        reasons: the different reasons.
        whole: how many there are; fewer are drawn where `x` is shorter.
    """

    side: Side
    direction: int
    x: Reals
    y: Reals
    seqs: Wholes
    why: Wholes
    reasons: tuple[str, ...]
    whole: int


class Stretch(NamedTuple):
    """From one moment to another, a classifier said one thing."""

    start: float
    end: float
    state: str


@dataclass(frozen=True)
class Ribbon:
    """What one classifier said, over time.

    Attributes:
        classifier: its name.
        stretches: in order of time.
        merged: there were more changes than can be seen, and short stretches were left out.
    """

    classifier: str
    stretches: tuple[Stretch, ...]
    merged: bool


@dataclass(frozen=True)
class Account:
    """What an account came to.

    Attributes:
        first: worth at the first bar.
        last: worth at the last.
        total_return: the one over the other, less 1.
        worst_drawdown: deepest fall below the highest worth so far; negative.
        worst_at: when; milliseconds since 1970, or the number of the bar.
        time_in_market: share of the bars with a position; NaN where it is not known.
    """

    first: float
    last: float
    total_return: float
    worst_drawdown: float
    worst_at: float
    time_in_market: float


@dataclass(frozen=True, eq=False)
class Timeline:
    """One strategy on one symbol, over time.

    Attributes:
        name: strategy and symbol, and the part where there are several.
        timed: whether x is time, and not the number of a bar.
        price: closes of the base data; None if there are none.
        marks: the signals.
        ribbons: one per classifier.
        equity: worth of the account; None if it was not recorded.
        drawdown: how far it was below its highest worth, as a share.
        account: the same in figures.
        signals: how many signals there are.
        unplaced: how many have no bar and no price, and are not drawn.
    """

    name: str
    timed: bool
    price: Curve | None
    marks: tuple[Marks, ...]
    ribbons: tuple[Ribbon, ...]
    equity: Curve | None
    drawdown: Curve | None
    account: Account | None
    signals: int
    unplaced: int


@dataclass(frozen=True)
class Fates:
    """What became of all signals.

    Attributes:
        total: how many there are.
        taken: how many were traded on, wholly or in part.
        steps: how many did not, by (disposition, reason), the most frequent first.
        by_direction: counts by direction, and by what became of them.
    """

    total: int
    taken: int
    steps: tuple[tuple[str, str, int], ...]
    by_direction: Mapping[str, Mapping[Side, int]]


@dataclass(frozen=True, eq=False)
class Histogram:
    """Forward returns of taken and refused signals over one horizon, in the same bins.

    Attributes:
        horizon_bars: the horizon.
        edges: of the bins; the outer two hold what lies beyond them as well.
        counts: by what became of the signals.
        beyond: how many lie outside the drawn range and were counted in the outermost bins.
    """

    horizon_bars: int
    edges: Reals
    counts: Mapping[Side, Wholes]
    beyond: int


@dataclass(frozen=True, eq=False)
class Activity:
    """How many signals came when.

    Attributes:
        edges: of stretches of one length, in milliseconds since 1970.
        counts: signals in each, by what became of them.
    """

    edges: Reals
    counts: Mapping[Side, Wholes]


@dataclass(frozen=True)
class Provenance:
    """Where a recording comes from.

    Attributes:
        run: facts of the run.
        versions: of Python, of the host and of the libraries.
        fingerprints: hashes of code, configuration, manifest.
        settings: the host's.
        flags: what the recorder noticed.
        data: symbol, timeframe, bars and fingerprint of each base data.
        strategies: identity, parameters and indicators of each.
        strategies_left: how many more there are.
        asked: the filters that the report was asked for.
    """

    run: Mapping[str, str]
    versions: Mapping[str, str]
    fingerprints: Mapping[str, str]
    settings: Mapping[str, str]
    flags: Mapping[str, str]
    data: tuple[tuple[str, str, int, str], ...]
    strategies: tuple[tuple[str, str, str], ...]
    strategies_left: int
    asked: Mapping[str, str]


@dataclass(frozen=True, eq=False)
class Report:
    """Everything that a report says.

    Attributes:
        run_id: the run.
        strategy: name of its strategy.
        points: the findings, the most important first.
        timelines: the strategies and symbols with most signals, or that did best.
        timelines_left: how many more there are.
        fates: what became of the signals.
        activity: how many came when; None if they have no times.
        quality: what they earned and knew.
        returns: the distribution of what they earned; None if no return is known.
        patterns: what those that did well have in common.
        consistency: whether the recording agrees with itself.
        selection: what the best of several trials is worth; None for a single one.
        provenance: where the recording comes from.
        facts: figures for the head of the page: a name, a value, and what it means.
        horizon_bars: the horizon of those figures that have only one.
        state: of the run.
        kind: "capture" or "replay".
        dropped: events that the recorder had to drop.
        quarantined: events that could not be recorded as they were.
        siblings: other captured runs of the same strategy in the store.
        repeated: parts that repeat the parameters of another one, and are left out.
        closed_loop: the strategy looked at its portfolio when it decided.
    """

    run_id: str
    strategy: str
    points: tuple[Point, ...]
    timelines: tuple[Timeline, ...]
    timelines_left: int
    fates: Fates
    activity: Activity | None
    quality: SignalQualityReport
    returns: Histogram | None
    patterns: PatternReport | None
    consistency: ConsistencyReport
    selection: SelectionReport | None
    provenance: Provenance
    facts: tuple[tuple[str, str, str], ...]
    horizon_bars: int
    state: str
    kind: str
    dropped: int
    quarantined: int
    siblings: int
    repeated: int
    closed_loop: bool
