"""Questions to the sparse index, against the plain loop and against what libraries offer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from benchmarks.measuring import interleaved, timed
from benchmarks.report import Figure, Table
from capture.index.alignment import align, align_in_order
from capture.index.changes import ClassifierChangeIndex
from capture.index.intervals import Intervals
from capture.index.signals import SignalIndex

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from benchmarks.sizes import Sizes

__all__ = ["questions"]

_CHANGES: Final = 200
_LOOPED: Final = 300
"""Rows that the slow loops do; their time is multiplied up."""

_IN_A_ROW: Final = 10
"""Calls of a quick way in one sample."""


def questions(sizes: Sizes) -> tuple[Table, tuple[Figure, ...]]:
    """Time each question asked in several ways."""
    rows: list[tuple[Any, ...]] = []
    figures = []
    asked = {
        "states": _states(sizes.index_rows),
        "filter": _filter(sizes.index_rows, sizes.index_ranges),
        "align": _align(sizes.index_rows),
    }
    goals = {"states": 500, "filter": 1000}
    for name, (question, ways) in asked.items():
        timings = interleaved(ways, sizes.index_rounds)
        millis = {way: timing.minimum * 1e3 for way, timing in timings.items()}
        loop, ours = next(iter(millis.values())), list(millis.values())[-1]
        rows += [(question, way, taken, loop / taken) for way, taken in millis.items()]
        if name in goals:
            figures.append(
                Figure(
                    quantity=f"{question}, time of the loop",
                    measured=ours / loop * 100,
                    goal=100 / goals[name],
                    unit="%",
                    note=f"{loop / ours:,.0f} times faster",
                )
            )
    table = Table(
        "Questions to the index",
        ("question", "way", "ms", "times the loop's speed"),
        tuple(rows),
        (
            f"Time of the processor, minima of {sizes.index_rounds} rounds. Loops run once, the "
            f"others {_IN_A_ROW} times in a row. Loops marked 'extrapolated' did {_LOOPED} rows, "
            "spread evenly, and their time was multiplied up.",
            "The loop over states walks bars and changes side by side, which is the good loop; "
            "that of the filter asks `any(start <= bar < stop ...)` for each signal.",
        ),
    )
    return table, tuple(figures)


def _sample(action: Callable[[], Any], times: float = 1.0) -> Callable[[], float]:
    """Return what times an action once; what it takes stands for this many times as much."""

    def taken() -> float:
        with timed() as watch:
            action()
        return watch.busy_seconds * times

    return taken


def _calls(action: Callable[[], Any]) -> Callable[[], float]:
    """Return what times a quick action by calling it several times in a row."""

    def several() -> None:
        for _ in range(_IN_A_ROW):
            action()

    return _sample(several, 1 / _IN_A_ROW)


def _states(bars: int) -> tuple[str, Mapping[str, Callable[[], float]]]:
    random = np.random.default_rng(3)
    index = ClassifierChangeIndex("trend")
    places = np.sort(random.choice(bars, min(_CHANGES, bars // 2), replace=False))
    for number, bar in enumerate(places):
        index.append_change(int(bar), index.state, ("bull", "bear")[number % 2])
    changes = [(change.bar_index, change.new) for change in index]

    def loop() -> list[str | None]:
        states, state, place = [], None, 0
        for bar in range(bars):
            if place < len(changes) and changes[place][0] == bar:
                state, place = changes[place][1], place + 1
            states.append(state)
        return states

    ways = {
        "loop over bars": _sample(loop),
        "states(...).to_numpy()": _calls(lambda: index.states(0, bars).to_numpy()),
        "states(...)": _calls(lambda: index.states(0, bars)),
    }
    return f"states at {bars:,} bars, {len(index)} changes", ways


def _filter(rows: int, ranges: int) -> tuple[str, Mapping[str, Callable[[], float]]]:
    random = np.random.default_rng(5)
    bars = np.sort(random.choice(rows * 4, rows, replace=False))
    signals = SignalIndex.of("momentum", bars, random.choice([-1.0, 1.0], rows))
    edges = np.sort(random.choice(rows * 4, ranges * 2, replace=False))
    starts, stops = edges[::2], edges[1::2]
    pairs = list(zip(starts.tolist(), stops.tolist(), strict=True))
    some = bars[:: max(rows // _LOOPED, 1)].tolist()

    def loop() -> list[bool]:
        return [any(start <= bar < stop for start, stop in pairs) for bar in some]

    import pandas as pd

    left, right = pd.DataFrame({"bar": bars}), pd.DataFrame({"bar": starts, "stop": stops})

    def library() -> NDArray[np.bool_]:
        found = pd.merge_asof(left, right, on="bar")
        inside: NDArray[np.bool_] = (found["bar"] < found["stop"]).to_numpy()
        return inside

    ways = {
        "any(...) per signal, extrapolated": _sample(loop, rows / len(some)),
        "pandas.merge_asof on the starts": _calls(library),
        "select(within=...)": _calls(lambda: signals.select(within=Intervals(starts, stops))),
        "Intervals.contains_sorted": _calls(
            lambda: Intervals(starts, stops).contains_sorted(signals.bar_index)
        ),
    }
    return f"{rows:,} signals within {ranges:,} ranges", ways


def _align(rows: int) -> tuple[str, Mapping[str, Callable[[], float]]]:
    import pandas as pd

    ones = np.arange(1, rows + 1, dtype=np.int64)
    fives = np.arange(5, rows + 1, 5, dtype=np.int64)
    left, right = pd.DataFrame({"time": ones}), pd.DataFrame({"time": fives})
    right["bar"] = np.arange(len(fives))
    listed = fives.tolist()

    def loop() -> list[int]:
        found, place = [], -1
        for moment in ones.tolist():
            while place + 1 < len(listed) and listed[place + 1] <= moment:
                place += 1
            found.append(place)
        return found

    ways = {
        "loop over bars": _sample(loop),
        "pandas.merge_asof": _calls(lambda: pd.merge_asof(left, right, on="time")),
        "align": _calls(lambda: align(ones, fives)),
        "align_in_order": _calls(lambda: align_in_order(ones, fives)),
    }
    return f"{rows:,} bars of 1min aligned with 5min", ways
