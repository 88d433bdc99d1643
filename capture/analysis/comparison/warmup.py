"""`warmup`: how many bars a strategy needs before it says what it would have said anyway."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np
import pandas as pd

from capture.analysis.comparison.decisions import compare_decisions
from capture.analysis.comparison.lookahead import moment, refuse_nothing, refuse_random
from capture.analysis.comparison.rehearsing import Stage, indicator_changes, pairs
from capture.analysis.comparison.sides import numbers
from capture.analysis.results import Result
from capture.contracts.perturbing import Cut
from capture.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from capture.analysis.comparison.rehearsing import Rehearsed
    from capture.analysis.comparison.result import Divergence

__all__ = ["WarmUp", "warmup"]

_NEAR: Final = 1e-3
"""A recursive indicator comes as near as one likes, and never arrives."""

_LEAST_BARS: Final = 4


@dataclass(frozen=True, kw_only=True)
class WarmUp(Result):
    """How many bars a strategy needs before its signals are right.

    Attributes:
        signal_bars: bars after which its signals agree with those of a run that began earlier; 0
            if all do; None if some differ up to the end.
        indicator_bars: the same of each indicator's values, within the tolerance.
        begins: bars after which it gave its first signal on data that begin later.
        signals_compared: how many signals were compared.
        signals_wrong: how many it gave that it does not give on data that begin earlier, or missed
            after its first one.
        first_signal: the first signal that is another on data that begin later.
        closed_loop: the strategy looks at its portfolio, so that its signals may also differ
            because of what it held.
        cuts: the bars at which the data were made to begin.
        problems: cuts at which the run raised, with what.
        tolerance: how near an indicator's values must come, relative to their size.
    """

    title: ClassVar[str] = "Warm-up"

    signal_bars: int | None
    indicator_bars: Mapping[str, int | None]
    begins: int | None
    signals_compared: int
    signals_wrong: int
    first_signal: Divergence | None
    closed_loop: bool
    cuts: tuple[str, ...]
    problems: tuple[str, ...]
    tolerance: float

    @property
    def bars(self) -> int | None:
        """Bars that it needs until its signals and its indicators agree; None: never."""
        every = [self.signal_bars, *self.indicator_bars.values()]
        return None if any(one is None for one in every) else max(one or 0 for one in every)

    @property
    def enough(self) -> bool:
        """Whether every signal that it gave was one that it gives with more data before it."""
        return self.signals_wrong == 0

    def to_frame(self) -> pd.DataFrame:
        """Return one row for the signals, and one per indicator."""
        rows = [("signals", self.signal_bars), *self.indicator_bars.items()]
        frame = pd.DataFrame(rows, columns=["what", "bars"])
        frame["bars"] = frame["bars"].astype("Int64")
        return frame

    def to_dict(self) -> dict[str, Any]:
        """Return the outcome as plain values."""
        return {"bars": self.bars, "enough": self.enough, **super().to_dict()}

    def summary(self) -> str:
        """Say how many bars it needs."""
        first = "no signal" if self.begins is None else f"the first after {self.begins} bars"
        if self.signal_bars is None:
            return f"Its signals differ up to the end of the data ({first})."
        if self.signal_bars == 0:
            said = f"Its signals agree from the first one on ({first})"
        elif self.enough:
            said = f"Its signals agree once it gives any ({first}, silent for {self.signal_bars})"
        else:
            said = (
                f"It needs {self.signal_bars} bars before its signals agree ({first}; "
                f"{self.signals_wrong} wrong or missing until then)"
            )
        slow = [name for name, bars in self.indicator_bars.items() if bars is None]
        more = f"; never within {self.tolerance:g}: {', '.join(slow)}" if slow else ""
        most = max((bars or 0 for bars in self.indicator_bars.values()), default=0)
        settle = f"; its indicators settle after {most}" if self.indicator_bars and not slow else ""
        return f"{said}{settle}{more}."

    def __str__(self) -> str:
        lines = [super().__str__()]
        if self.first_signal is not None:
            lines.append(f"first signal {self.first_signal}; B is on data that begin later")
            lines += [f"  {line}" for line in self.first_signal.lines()]
        if self.closed_loop and not self.enough:
            lines.append("The strategy looks at its portfolio: signals may differ by that alone.")
        return "\n".join([*lines, *(f"not compared: {problem}" for problem in self.problems)])


def warmup(
    run: Callable[..., Any], *, cuts: int = 3, data: Any = None, tolerance: float = _NEAR
) -> WarmUp:
    """Run a strategy again on data that begin later, and see when it says the same again.

    Args:
        run: runs the backtest, with its strategy wrapped, as often as it is called.
        cuts: at how many bars the data are made to begin.
        data: the prices, for backtesters whose data cannot be cut from outside; `run` is then
            called with what is left of them.
        tolerance: how near an indicator's values must come, relative to their size.

    Raises:
        RunNotFound: nothing was recorded.
        NotReplayable: the data cannot be cut, or the strategy does something else at every run.
        ConfigError: the bars have no times, or are too few.

    Example:
        ```python
        backtest = Backtest(GOOG, capture.wrap(SmaCross), cash=10_000)
        print(capture.warmup(backtest.run).bars)
        ```
    """
    if cuts < 1:
        raise ConfigError("cuts", cuts, "choose 1 or more")
    with TemporaryDirectory(prefix="capture-warmup-") as folder:
        stage = Stage(run, data, Path(folder).resolve(), "warmup")
        whole = stage.whole()
        refuse_random(whole, stage.whole(), 0.0)
        labels = _labels(whole)
        found = _Found(tolerance, labels)
        # Beginnings in the first half leave the rest to come to an agreement in.
        for place in np.linspace(0, len(labels) // 2, cuts + 1)[1:]:
            first = int(labels[int(place)])
            found.add(whole, stage.cut(Cut(first=first)), first)
            stage.forget()
        return found.result(next(iter(whole.recordings.values())).run_id)


def _labels(whole: Rehearsed) -> NDArray[np.int64]:
    """Return the times of the longest data of the run."""
    every = []
    for recording in whole.recordings.values():
        for part in recording.parts:
            for ref in part.base:
                bars = recording.store.base_data(ref["fingerprint"]).bars
                if "timestamp" not in bars.column_names or bars.column("timestamp").null_count:
                    raise ConfigError(
                        "data",
                        "numbered bars",
                        "give the bars times: data that begin later would number them anew",
                    )
                every.append(np.sort(numbers(bars, "timestamp")))
    longest = max(every, key=len, default=np.empty(0, np.int64))
    if len(longest) < _LEAST_BARS:
        raise ConfigError("data", f"{len(longest)} bars", "record a run with base data")
    return longest


class _Found:
    """What the cuts show, while they are made."""

    def __init__(self, tolerance: float, labels: NDArray[np.int64]) -> None:
        self._tolerance = tolerance
        self._labels = labels
        self._signals: list[int | None] = []
        self._firsts: list[Divergence] = []
        self._begins: list[int] = []
        self._indicators: dict[str, list[int | None]] = {}
        self._compared = self._wrong = 0
        self._closed = False
        self._cuts: list[str] = []
        self._problems: list[str] = []

    def add(self, whole: Rehearsed, part: Rehearsed, first: int) -> None:
        """Compare one run on data that begin later with that on all."""
        self._cuts.append(moment(first))
        if part.problem is not None:
            self._problems.append(f"data that begin at {moment(first)}: {part.problem}")
        for _, name, labels, differs, _, _ in indicator_changes(whole, part, self._tolerance):
            at = np.flatnonzero(differs)
            need = int(at[-1]) + 1 if len(at) else 0
            settled = None if need == len(labels) and need else need
            self._indicators.setdefault(name.removeprefix("indicator_"), []).append(settled)
        for one, other in pairs(whole, part):
            if other.state != "ended":
                continue
            found = compare_decisions(one, other, self._tolerance)
            self._compared += found.compared
            if len(found.given):
                self._wrong += int((found.times >= found.given[0]).sum())
            self._closed |= bool((other.manifest.get("flags") or {}).get("closed_loop")) or any(
                ((p.record or {}).get("flags") or {}).get("closed_loop") for p in other.parts
            )
            self._signals.append(self._settled(first, found.times, found.given))
            if len(found.given):
                self._begins.append(self._bars_from(first, int(found.given[0])))
            if found.first is not None:
                self._firsts.append(found.first)

    def _settled(
        self, first: int, differing: NDArray[np.int64], given: NDArray[np.int64]
    ) -> int | None:
        """Return how many bars passed until the last signal that differs; None: it is the last."""
        if not len(differing):
            return 0
        last = int(differing[-1])
        return None if len(given) and last >= int(given[-1]) else self._bars_from(first, last)

    def _bars_from(self, first: int, label: int) -> int:
        begin, at = np.searchsorted(self._labels, [first, label])
        return int(at - begin) + 1

    def result(self, run_id: str) -> WarmUp:
        """Return what was found, unless there was nothing to find it in."""
        refuse_nothing(run_id, len(self._signals), self._problems)
        return WarmUp(
            signal_bars=_most(self._signals),
            indicator_bars={name: _most(bars) for name, bars in sorted(self._indicators.items())},
            begins=min(self._begins, default=None),
            signals_compared=self._compared,
            signals_wrong=self._wrong,
            first_signal=self._firsts[0] if self._firsts else None,
            closed_loop=self._closed,
            cuts=tuple(self._cuts),
            problems=tuple(self._problems),
            tolerance=self._tolerance,
        )


def _most(bars: list[int | None]) -> int | None:
    return None if any(one is None for one in bars) else max((one or 0 for one in bars), default=0)
