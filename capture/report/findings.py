"""What matters in a report, in sentences with their numbers, the most important first."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Final

from capture.analysis.consistency import Severity
from capture.report.model import Point, Side, Tone
from capture.report.words import cause, percent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from capture.analysis.quality_tables import ForwardRow
    from capture.report.model import Report

__all__ = ["facts_of", "points_of"]

_ORDER: Final = {Tone.ATTENTION: 0, Tone.GOOD: 1, Tone.NOTE: 1}
_MANY_DROPPED: Final = 0.05
_FEW: Final = 30
_SURE: Final = 0.95


def points_of(report: Report) -> tuple[Point, ...]:
    """Return the findings: first what casts doubt on the rest, then the rest in a fixed order."""
    every = [point for find in _FINDERS for point in find(report)]
    return tuple(sorted(every, key=lambda point: _ORDER[point.tone]))


def facts_of(report: Report) -> tuple[tuple[str, str, str], ...]:
    """Return the figures at the head of the page."""
    fates, quality = report.fates, report.quality
    said = [("Signals", f"{fates.total:,}", f"{quality.avg_signals_per_day:.3g} a day")]
    if fates.total:
        share = fates.taken / fates.total
        said.append(("Traded", f"{share:.1%}", f"{fates.taken:,} of {fates.total:,} signals"))
    row = next((r for r in quality.forward.rows if r.horizon_bars == report.horizon_bars), None)
    if row is not None and row.signals:
        interval = f"95% interval {percent(row.low)} to {percent(row.high)}"
        said.append((f"Mean return, {row.horizon_bars} bars", f"{percent(row.mean)}", interval))
        interval = f"{row.hit_low:.0%} to {row.hit_high:.0%}"
        said.append((f"Hit rate, {row.horizon_bars} bars", f"{row.hit_rate:.1%}", interval))
    if report.selection is not None and report.selection.chosen is not None:
        chosen = report.selection.chosen
        said.append(("Trials", f"{report.selection.trials:,}", f"best: {chosen.trial}"))
    accounts = [one.account for one in report.timelines if one.account is not None]
    if len(accounts) == 1 and not report.timelines_left:
        one = accounts[0]
        worth = f"{one.first:,.0f} to {one.last:,.0f}"
        said.append(("Account", f"{one.total_return:+.1%}", worth))
        said.append(("Deepest drawdown", f"{one.worst_drawdown:.1%}", "below its highest worth"))
    return tuple(said)


def _state(report: Report) -> Iterator[Point]:
    if report.state != "ended":
        text = f"The run is {report.state}: what follows is about what had been recorded by then."
        yield Point(Tone.ATTENTION, "State", text)
    if report.dropped:
        text = f"{report.dropped:,} events were dropped by the recorder and are not in this report."
        yield Point(Tone.ATTENTION, "Recorder", text)
    if report.quarantined:
        text = (
            f"{report.quarantined:,} events could not be recorded as they were: see quarantine()."
        )
        yield Point(Tone.ATTENTION, "Recorder", text)
    if report.kind == "replay":
        parent = report.provenance.run.get("parent", "another run")
        yield Point(Tone.NOTE, "Replay", f"This is a replay of {parent}, and no trial of its own.")
    if not report.fates.total:
        text = "No signal was recorded, or none matches the filters: there is nothing to judge."
        yield Point(Tone.ATTENTION, "Signals", text)
    elif report.fates.total < _FEW:
        text = f"Only {report.fates.total} signals: too few to tell skill from luck by any figure."
        yield Point(Tone.ATTENTION, "Signals", text)


def _consistent(report: Report) -> Iterator[Point]:
    found = report.consistency
    checked = f"{len(found.checks)} checks on {found.total_signals_checked:,} signals"
    if found.is_consistent:
        yield Point(Tone.GOOD, "Consistency", f"The recording agrees with itself ({checked}).")
        return
    worst = found.findings[0]
    counts = [
        f"{number} {severity}{'' if number == 1 else 's'}"
        for severity in (Severity.ERROR, Severity.WARNING)
        if (number := sum(one.severity is severity for one in found.findings))
    ]
    text = f"{' and '.join(counts)} in {checked}. The first: {worst.check}, {worst.message}."
    yield Point(Tone.ATTENTION, "Consistency", text)


def _fate(report: Report) -> Iterator[Point]:
    fates = report.fates
    if not fates.total:
        return
    text = f"{fates.taken:,} of {fates.total:,} signals traded ({fates.taken / fates.total:.1%})."
    if fates.steps:
        what, why, count = fates.steps[0]
        named = cause(what, why)
        text += f" Most of the others: {named}, {count:,} ({count / fates.total:.1%} of all)."
    few = fates.taken * 2 < fates.total
    yield Point(Tone.ATTENTION if few else Tone.NOTE, "Why signals did not trade", text)


def _contrast(report: Report) -> Iterator[Point]:
    rows = report.quality.taken_against_refused.rows
    row = next((r for r in rows if r.horizon_bars == report.horizon_bars), None)
    if row is None or not row.refused or not row.taken or not isfinite(row.difference):
        return
    word = "more" if row.difference > 0 else "less"
    text = (
        f"Over {row.horizon_bars} bars, taken signals earned {percent(row.mean_taken)} and "
        f"refused ones would have earned {percent(row.mean_refused)}: "
        f"{percent(abs(row.difference))[1:]} {word} "
        f"({percent(row.low)} to {percent(row.high)})"
    )
    if row.low > 0:
        yield Point(Tone.GOOD, "Refusals", f"{text}. Refusing was right.")
    elif row.high < 0:
        yield Point(Tone.ATTENTION, "Refusals", f"{text}. The refusals cost money.")
    else:
        yield Point(Tone.NOTE, "Refusals", f"{text}. Chance explains the difference.")


def _earned(report: Report) -> Iterator[Point]:
    rows = [row for row in report.quality.forward.rows if row.signals]
    row = next((r for r in rows if r.horizon_bars == report.horizon_bars), None)
    if row is None:
        if report.fates.total:
            text = "No signal has a known return: there are no bars, or no directions."
            yield Point(Tone.ATTENTION, "Returns", text)
        return
    sure = [r.horizon_bars for r in rows if r.low > 0 or r.high < 0]
    text = (
        f"Over {row.horizon_bars} bars, {row.signals:,} signals earned {percent(row.mean)} on "
        f"average ({percent(row.low)} to {percent(row.high)}); at any bar their directions earn "
        f"{percent(row.usual)}. "
        f"{len(sure)} of {len(rows)} horizons differ from zero at 95%"
    )
    if row.low > max(row.usual, 0):
        yield Point(Tone.GOOD, "Returns", f"{text}.")
    elif row.high < 0:
        yield Point(Tone.ATTENTION, "Returns", f"{text}. The signals lose before any cost.")
    elif row.low > 0:
        yield Point(Tone.NOTE, "Returns", f"{text}. The market's drift explains it.")
    else:
        yield Point(Tone.NOTE, "Returns", f"{text}. It cannot be told from zero.")
    yield _left_out(max(rows, key=lambda one: one.dropped_share))


def _left_out(worst: ForwardRow) -> Point:
    """Say how many signals no return is known of, over the horizon at which they are most."""
    if not worst.dropped:
        return Point(Tone.NOTE, "Left out", "Every signal with a direction has a known return.")
    share, bars = worst.dropped_share, worst.horizon_bars
    tone = Tone.ATTENTION if share > _MANY_DROPPED else Tone.NOTE
    text = f"At most {share:.1%} of the signals with a direction have no known return"
    return Point(tone, "Left out", f"{text} ({worst.dropped:,} over {bars} bars).")


def _knew(report: Report) -> Iterator[Point]:
    found = report.quality.information
    row = next((r for r in found.rows if r.horizon_bars == report.horizon_bars), None)
    if row is None or not isfinite(row.rank_ic):
        return
    text = (
        f"The rank correlation of {found.factor} with the return over {row.horizon_bars} bars is "
        f"{row.rank_ic:+.3f} ({row.rank_ic_low:+.3f} to {row.rank_ic_high:+.3f})"
    )
    sure = row.rank_ic_low > 0 or row.rank_ic_high < 0
    tone = Tone.GOOD if row.rank_ic_low > 0 else Tone.ATTENTION if sure else Tone.NOTE
    yield Point(tone, "Information", f"{text}. {report.quality.decay.summary()}.")


def _account(report: Report) -> Iterator[Point]:
    accounts = [one for one in report.timelines if one.account is not None]
    if len(accounts) != 1 or accounts[0].account is None:
        return
    one = accounts[0].account
    text = f"The account went from {one.first:,.0f} to {one.last:,.0f} ({one.total_return:+.1%})"
    text += f", with a deepest drawdown of {one.worst_drawdown:.1%}"
    if isfinite(one.time_in_market):
        text += f", and held a position on {one.time_in_market:.0%} of the bars"
    tone = Tone.ATTENTION if one.total_return < 0 else Tone.NOTE
    yield Point(tone, "Account", f"{text}.")


def _patterns(report: Report) -> Iterator[Point]:
    found = report.patterns
    if found is None:
        return
    if found.patterns:
        yield Point(Tone.GOOD, "Patterns", found.patterns[0].sentence)
        return
    text = f"No pattern survives the test against chance: {found.tried:,} were tried on "
    yield Point(Tone.NOTE, "Patterns", f"{text}{found.signals:,} signals at {found.alpha:.0%}.")


def _selected(report: Report) -> Iterator[Point]:
    found = report.selection
    if found is not None and found.chosen is not None and isfinite(found.deflated):
        text = (
            f"{found.chosen.trial} is the best of {found.trials:,} trials. That its Sharpe ratio "
            f"is above what luck alone reaches has probability {found.deflated:.1%}"
        )
        if found.overfitting is not None:
            text += f"; the probability of overfitting is {found.overfitting.probability:.1%}"
        good = found.deflated >= _SURE
        yield Point(Tone.GOOD if good else Tone.ATTENTION, "Selection", f"{text}.")
    if report.siblings:
        runs = "run" if report.siblings == 1 else "runs"
        text = (
            f"The store has {report.siblings:,} other captured {runs} of this strategy: a result "
            "that was chosen among them needs the deflated Sharpe ratio of the whole store."
        )
        yield Point(Tone.NOTE, "Selection", text)


def _loop(report: Report) -> Iterator[Point]:
    if report.repeated:
        text = "Executions that repeat the parameters of another one are left out: "
        yield Point(Tone.NOTE, "Repeated", f"{text}{report.repeated:,}.")
    if report.closed_loop:
        text = (
            "The strategy looked at its portfolio when it decided: its signals depend on its fills."
        )
        yield Point(Tone.NOTE, "Closed loop", text)
    refused = sum(one[Side.REFUSED] for one in report.fates.by_direction.values())
    waiting = report.fates.total - report.fates.taken - refused
    if waiting:
        text = f"Of {waiting:,} signals the end is not known: they were still open, or nobody told."
        yield Point(Tone.NOTE, "Open", text)


_FINDERS: Final[tuple[Callable[[Report], Iterator[Point]], ...]] = (
    _state,
    _consistent,
    _fate,
    _earned,
    _contrast,
    _knew,
    _account,
    _patterns,
    _selected,
    _loop,
)
