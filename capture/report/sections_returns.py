"""The sections on what signals earned: by horizon, by group, in patterns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from capture.analysis.canvas import label
from capture.report.charts import groups_chart, returns_chart
from capture.report.html import Html, element
from capture.report.ink import inked
from capture.report.sheet import empty, section, table
from capture.report.words import number, percent

if TYPE_CHECKING:
    from capture.analysis.quality_tables import Contrast, Split, SplitRow
    from capture.report.model import Report
    from capture.report.sheet import Sheet

__all__ = ["groups_section", "patterns_section", "returns_section"]

_SPLITS: Final = ("direction", "regime", "symbol", "strategy", "disposition", "reason")
_MOST_GROUPS: Final = 10
_MOST_PATTERNS: Final = 50
_ENTRIES: Final = {"next_open": "the open of the next bar", "close": "the close of its bar"}


def returns_section(report: Report, sheet: Sheet) -> Html | None:
    """Return what signals earned and what they knew, by horizon."""
    if not report.fates.total:
        return None
    title = "What the signals earned"
    forward = report.quality.forward
    if not any(row.signals for row in forward.rows):
        text = "No forward return is known: signals need a direction, and bars after them."
        return section("returns", title, "", empty(text))
    entry = _ENTRIES[forward.entry]
    lead = (
        f"Returns of the market in the signal's direction, from {entry}, before costs. "
        "Intervals are of 95% and allow for returns that overlap (Newey and West)."
    )
    return section("returns", title, lead, *_earned(report, sheet), *_knew(report, sheet))


def _earned(report: Report, sheet: Sheet) -> list[Html]:
    quality = report.quality
    columns = (
        "bars",
        "signals",
        "left out",
        "mean",
        "from",
        "to",
        "usual",
        "hit rate",
        "MFE",
        "MAE",
    )
    rows = [
        (
            str(row.horizon_bars),
            f"{row.signals:,}",
            f"{row.dropped:,} ({row.dropped_share:.1%})",
            *map(percent, (row.mean, row.low, row.high, row.usual)),
            f"{row.hit_rate:.1%}" if row.signals else "",
            percent(row.favourable),
            percent(row.adverse),
        )
        for row in quality.forward.rows
    ]
    made = [
        sheet.chart(
            "Mean return by horizon",
            inked(quality.forward.plot()),
            "Bars with their interval; the mark is what the same directions earn at any bar. An "
            "interval across zero is no evidence.",
            said=quality.forward.summary(),
            numbers=table("Forward returns", columns, rows),
        )
    ]
    if report.returns is not None:
        beyond = f" Beyond it, and counted at its ends: {report.returns.beyond:,}."
        made.append(
            sheet.chart(
                f"Distribution over {report.returns.horizon_bars} bars",
                returns_chart(report.returns),
                f"Share of taken and of refused signals in each bin.{beyond}",
            )
        )
    return made


def _knew(report: Report, sheet: Sheet) -> list[Html]:
    quality = report.quality
    information, decay = quality.information, quality.decay
    ic = [
        (str(row.horizon_bars), f"{row.signals:,}", *(number(getattr(row, name)) for name in _IC))
        for row in information.rows
    ]
    faded = [
        (str(row.lag_bars), f"{row.signals:,}", *map(percent, (row.mean, row.low, row.high)))
        for row in decay.rows
    ]
    made = [
        sheet.chart(
            "Information coefficient by horizon",
            inked(information.plot()),
            f"{information.summary()}, with its band. Zero is no knowledge; 0.05 is much.",
            numbers=table("Information coefficient", _IC_COLUMNS, ic),
        ),
        sheet.chart(
            "Decay, bar by bar",
            inked(decay.plot()),
            f"What each single bar after the signal returned, and the sum. {decay.summary()}.",
            numbers=table("Decay", ("bar", "signals", "mean", "from", "to"), faded),
        ),
    ]
    if any(row.refused for row in quality.taken_against_refused.rows):
        made.append(_contrast(quality.taken_against_refused, sheet))
    return made


def _contrast(contrast: Contrast, sheet: Sheet) -> Html:
    """Return what taken signals earned beside what refused ones would have."""
    columns = ("bars", "taken", "refused", "mean taken", "mean refused", "apart", "from", "to")
    rows = [
        (
            str(row.horizon_bars),
            f"{row.taken:,}",
            f"{row.refused:,}",
            *map(percent, (row.mean_taken, row.mean_refused, row.difference, row.low, row.high)),
        )
        for row in contrast.rows
    ]
    return sheet.chart(
        "Taken against refused",
        inked(contrast.plot()),
        f"{contrast.summary()}.",
        numbers=table("Taken against refused", columns, rows),
        wide=True,
    )


_IC: Final = ("ic", "ic_low", "ic_high", "rank_ic", "rank_ic_low", "rank_ic_high")
_IC_COLUMNS: Final = ("bars", "signals", "IC", "from", "to", "rank IC", "from", "to")


def groups_section(report: Report, sheet: Sheet) -> Html | None:
    """Return what the signals of each direction, regime, symbol, strategy and end earned."""
    if not report.fates.total:
        return None
    title = "By group"
    chosen = [(by, *_shown(getattr(report.quality, f"by_{by}"), report)) for by in _SPLITS]
    rows = [(by, row) for by, shown, _ in chosen for row in shown]
    if not any(row.signals for _, row in rows):
        return section("groups", title, "", empty("No group of signals has a known return."))
    left = sum(left for _, _, left in chosen)
    more = f" {left:,} smaller groups are not shown." if left else ""
    columns = ("by", "group", "signals", "left out", "mean", "from", "to", "hit rate", "p")
    cells = [
        (
            by,
            _said(by, row.group),
            f"{row.signals:,}",
            f"{row.dropped:,}",
            *map(percent, (row.mean, row.low, row.high)),
            f"{row.hit_rate:.1%}" if row.signals else "",
            number(row.p_value, ".3f"),
        )
        for by, row in rows
    ]
    lead = (
        f"Mean return over {report.horizon_bars} bars with its 95% interval. The more groups, the "
        "more of them look good by chance: p is not corrected for their number."
    )
    chart = sheet.chart(
        "Mean return by group",
        groups_chart(
            [(by, label(_said(by, row.group), 30), row) for by, row in rows if row.signals > 1]
        ),
        f"Each mark is the mean of one group, its line the interval.{more}",
        numbers=table("Forward returns by group", columns, cells),
        wide=True,
    )
    return section("groups", title, lead, chart)


def _said(by: str, group: str) -> str:
    """Return the name of a group; the words of the product are spelled as words."""
    return group.replace("_", " ") if by in ("disposition", "reason") else group


def _shown(split: Split, report: Report) -> tuple[list[SplitRow], int]:
    """Return the largest groups over the report's horizon; none where there is but one."""
    rows = [row for row in split.rows if row.horizon_bars == report.horizon_bars]
    if len(rows) < 2 and split.by in ("symbol", "strategy", "regime"):
        return [], 0
    rows.sort(key=lambda row: -row.signals)
    return rows[:_MOST_GROUPS], max(len(rows) - _MOST_GROUPS, 0)


def patterns_section(report: Report, sheet: Sheet) -> Html | None:
    """Return what signals that did well, or badly, have in common."""
    if not report.fates.total:
        return None
    title, found = "Patterns", report.patterns
    if found is None:
        return section(
            "patterns", title, "", empty("There are no returns to look for patterns in.")
        )
    lead = (
        "Combinations of context whose signals did better or worse over "
        f"{found.horizon_bars} bars. If there were none, any would be reported in at most "
        f"{found.alpha:.0%} of cases."
    )
    if not found.patterns:
        return section("patterns", title, lead, empty(found.summary()))
    columns = ("", "when", "signals", "mean", "usual", "hit rate", "lift", "p", "later effect")
    rows: list[tuple[Any, ...]] = [
        (
            str(place),
            " and ".join(one.items),
            f"{one.signals:,}",
            percent(one.mean_return),
            percent(one.usual_return),
            f"{one.hit_rate:.0%}",
            number(one.lift, ".2f"),
            number(one.adjusted_p_value, ".3f"),
            f"{percent(one.later_effect)} on {one.later_signals:,}",
        )
        for place, one in enumerate(found.patterns[:_MOST_PATTERNS], 1)
    ]
    chart = sheet.chart(
        "Effect of each pattern",
        inked(found.plot()),
        "Circles: where it was looked for. Diamonds: later signals, which were not searched; a "
        "pattern that lasts has both on one side.",
        wide=True,
    )
    shown = element("div", table(found.summary(), columns, rows), class_="card wide")
    return section("patterns", title, lead, chart, shown)
