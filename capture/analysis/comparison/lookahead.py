"""`lookahead`: whether a strategy uses what only later bars tell."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np
import pandas as pd

from capture.analysis.comparison.decisions import compare_decisions
from capture.analysis.comparison.rehearsing import Stage, indicator_changes, pairs
from capture.analysis.comparison.sides import spans_of
from capture.analysis.results import Result
from capture.contracts.perturbing import Cut
from capture.errors import ConfigError, NotReplayable

if TYPE_CHECKING:
    from collections.abc import Callable

    from capture.analysis.comparison.rehearsing import Rehearsed
    from capture.analysis.comparison.result import Divergence

__all__ = ["LookAhead", "Peek", "lookahead"]

_ROUNDING: Final = 1e-9
"""Sums over other stretches of data may differ in their last digits."""


@dataclass(frozen=True, kw_only=True)
class Peek:
    """An indicator whose past changes when later bars are cut off.

    Attributes:
        strategy_id: the strategy.
        indicator: the indicator.
        bars: at how many bars its value changed, over all cuts.
        cuts: at how many cuts it changed.
        time: the earliest bar at which it changed when the data ended at `end`.
        end: the last bar that was left.
        seen: its value there with all data.
        honest: its value there without the later bars.
    """

    strategy_id: str
    indicator: str
    bars: int
    cuts: int
    time: str
    end: str
    seen: float
    honest: float

    def __str__(self) -> str:
        return (
            f"{self.indicator} of {self.strategy_id}: {self.seen:g} at {self.time}, and "
            f"{self.honest:g} when the data end at {self.end} ({self.bars} bars, {self.cuts} cuts)"
        )


@dataclass(frozen=True, kw_only=True)
class LookAhead(Result):
    """Whether a strategy looks ahead.

    Attributes:
        peeks: the indicators that do.
        first_signal: the first signal that is another, or is missing, without later bars.
        signals_changed: how many are, over all cuts.
        signals_compared: how many were compared.
        indicators: how many indicators were compared bar by bar.
        cuts: the bars at which the data were made to end.
        problems: cuts at which the run raised, with what.
    """

    title: ClassVar[str] = "Look-ahead"

    peeks: tuple[Peek, ...]
    first_signal: Divergence | None
    signals_changed: int
    signals_compared: int
    indicators: int
    cuts: tuple[str, ...]
    problems: tuple[str, ...]

    @property
    def clean(self) -> bool:
        """Whether nothing changed when later bars were cut off."""
        return not self.peeks and not self.signals_changed

    def to_frame(self) -> pd.DataFrame:
        """Return one row per indicator that looks ahead."""
        return pd.DataFrame([vars(peek) for peek in self.peeks], columns=list(_PEEK))

    def to_dict(self) -> dict[str, Any]:
        """Return the outcome as plain values."""
        return {"clean": self.clean, **super().to_dict()}

    def summary(self) -> str:
        """Say whether it looks ahead."""
        much = (
            f"{self.signals_compared:,} signals and {self.indicators} indicators compared at "
            f"{len(self.cuts)} cuts"
        )
        if self.clean:
            return f"Nothing changed when later bars were cut off: {much}."
        names = ", ".join(dict.fromkeys(peek.indicator for peek in self.peeks))
        who = names or "the strategy, though none of its indicators"
        return f"It looks ahead: {who}; {self.signals_changed:,} signals changed ({much})."

    def __str__(self) -> str:
        lines = [self.title, self.summary(), *(str(peek) for peek in self.peeks)]
        if self.first_signal is not None:
            lines += [f"first signal {self.first_signal}; A is with all data, B without"]
            lines += [f"  {line}" for line in self.first_signal.lines()]
        return "\n".join([*lines, *(f"not compared: {problem}" for problem in self.problems)])


_PEEK: Final = tuple(Peek.__dataclass_fields__)


def lookahead(
    run: Callable[..., Any], *, cuts: int = 8, data: Any = None, tolerance: float = _ROUNDING
) -> LookAhead:
    """Run a strategy again on data that end earlier, and see whether its past changes.

    The data are made to end at bars on which it gave a signal. Every indicator at every bar up to
    there must be what it was, and so must every signal. Everything is recorded into temporary
    stores; while this goes on nothing else should be recorded in this process.

    Args:
        run: runs the backtest, with its strategy wrapped, as often as it is called.
        cuts: at how many bars the data are made to end.
        data: for backtesters whose data cannot be cut from outside, such as vectorbt: the prices,
            a frame, a series or a mapping of them; `run` is then called with what is left of them.
        tolerance: how far an indicator's values may be apart, relative to their size.

    Raises:
        RunNotFound: nothing was recorded.
        NotReplayable: the data cannot be cut, or the strategy does something else at every run.
        ConfigError: there is nothing to cut.

    Example:
        ```python
        backtest = Backtest(GOOG, capture.wrap(SmaCross), cash=10_000)
        assert capture.lookahead(backtest.run).clean
        ```
    """
    if cuts < 1:
        raise ConfigError("cuts", cuts, "choose 1 or more")
    with TemporaryDirectory(prefix="capture-lookahead-") as folder:
        stage = Stage(run, data, Path(folder).resolve(), "lookahead")
        whole = stage.whole()
        refuse_random(whole, stage.whole(), tolerance)
        found = _Found(tolerance)
        for last in _ends(whole, cuts):
            found.add(whole, stage.cut(Cut(last=last)), last)
            stage.forget()
        return found.result(next(iter(whole.recordings.values())).run_id)


def refuse_random(whole: Rehearsed, again: Rehearsed, tolerance: float) -> None:
    """Refuse a strategy that does something else at every run, which would look like a peek."""
    for one, other in pairs(whole, again):
        changed = compare_decisions(one, other, tolerance).first
        if changed is not None:
            raise NotReplayable(
                one.run_id,
                f"its signals are others at every run, also on the same data: {changed}",
                "give its random numbers a seed",
            )


def refuse_nothing(run_id: str, compared: int, problems: list[str]) -> None:
    """Refuse to judge a strategy whose runs on part of the data could not be compared."""
    if not compared:
        problem = problems[0] if problems else "the script recorded other strategies than before"
        raise NotReplayable(
            run_id,
            f"no run on part of the data could be compared ({problem})",
            "let the script run on data of any length, and do the same at every run",
        )


def _ends(whole: Rehearsed, count: int) -> list[int]:
    """Return labels at which the data are to end: those of signals, evenly apart."""
    times: set[int] = set()
    last = 0
    for recording in whole.recordings.values():
        for span in spans_of(recording).values():
            last = max(last, span.last)
            times.add(span.first + (span.last - span.first) // 2)
        times.update(compare_decisions(recording, recording, 0.0).given.tolist())
    every = sorted(time for time in times if time < last)
    if not every:
        raise ConfigError("data", "none", "record a run with base data and more than two bars")
    chosen = np.linspace(0, len(every) - 1, min(count, len(every)) + 1)[1:]
    return list(dict.fromkeys(every[round(place)] for place in chosen))


class _Found:
    """What the cuts show, while they are made."""

    def __init__(self, tolerance: float) -> None:
        self._tolerance = tolerance
        self._peeks: dict[tuple[str, str], list[tuple[int, int, int, float, float]]] = {}
        self._signals: list[Divergence] = []
        self._changed = self._compared = self._indicators = 0
        self._runs = 0
        self._cuts: list[str] = []
        self._problems: list[str] = []

    def add(self, whole: Rehearsed, part: Rehearsed, last: int) -> None:
        """Compare one run on shorter data with that on all."""
        self._cuts.append(moment(last))
        if part.problem is not None:
            self._problems.append(f"data that end at {moment(last)}: {part.problem}")
        changes = list(indicator_changes(whole, part, self._tolerance))
        self._indicators = max(self._indicators, len(changes))
        for strategy, name, labels, differs, then, now in changes:
            at = np.flatnonzero(differs & (labels <= last))
            if len(at):
                seen = (len(at), int(labels[at[0]]), last, float(then[at[0]]), float(now[at[0]]))
                self._peeks.setdefault((strategy, name), []).append(seen)
        for one, other in pairs(whole, part):
            if other.state != "ended":
                continue
            found = compare_decisions(one, other, self._tolerance)
            self._runs += 1
            self._compared += found.compared
            self._changed += len(found.times)
            if found.first is not None:
                self._signals.append(found.first)

    def result(self, run_id: str) -> LookAhead:
        """Return what was found, unless there was nothing to find it in."""
        refuse_nothing(run_id, self._runs, self._problems)
        peeks = [
            Peek(
                strategy_id=strategy,
                indicator=name.removeprefix("indicator_"),
                bars=sum(one[0] for one in seen),
                cuts=len(seen),
                time=moment(min(seen, key=lambda one: one[1])[1]),
                end=moment(min(seen, key=lambda one: one[1])[2]),
                seen=min(seen, key=lambda one: one[1])[3],
                honest=min(seen, key=lambda one: one[1])[4],
            )
            for (strategy, name), seen in sorted(self._peeks.items())
        ]
        return LookAhead(
            peeks=tuple(peeks),
            first_signal=min(self._signals, key=lambda one: one.bar_index or 0, default=None),
            signals_changed=self._changed,
            signals_compared=self._compared,
            indicators=self._indicators,
            cuts=tuple(self._cuts),
            problems=tuple(self._problems),
        )


def moment(label: int) -> str:
    """Return a bar's label as a person reads it: its time, or its number."""
    if abs(label) < 10**12:
        return f"bar {label}"
    return pd.Timestamp(label, unit="ns", tz="UTC").isoformat().removesuffix("T00:00:00+00:00")
