"""The sections of the page, in the order in which they stand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from capture.report.charts import activity_chart, directions_chart, fates_chart
from capture.report.charts_timeline import ribbon_inks, timeline_chart
from capture.report.html import Html, element
from capture.report.ink import inked
from capture.report.model import Side, Tone
from capture.report.sheet import empty, section, table
from capture.report.words import NONE, percent

if TYPE_CHECKING:
    from capture.report.model import Fates, Report, Timeline
    from capture.report.sheet import Sheet

__all__ = ["fates_section", "findings_section", "market_section"]

_TONES: Final = {Tone.ATTENTION: "Look here", Tone.GOOD: "Good", Tone.NOTE: "Note"}


def findings_section(report: Report, _sheet: Sheet) -> Html:
    """Return what matters, in sentences."""
    items = [
        element(
            "li",
            element("span", _TONES[point.tone], class_="tone"),
            element("div", element("strong", point.about), " ", point.text),
            class_=f"point {point.tone}",
        )
        for point in report.points
    ]
    lead = "What to know first; the sections below show where each figure comes from."
    return section("findings", "Findings", lead, element("ul", *items, class_="points card wide"))


def market_section(report: Report, sheet: Sheet) -> Html | None:
    """Return price and signals over time, one strategy and symbol at a time."""
    if not report.timelines:
        return None
    places = [_timeline(one, sheet) for one in report.timelines]
    if len(places) == 1:
        return section("market", "Signals over time", _lead(report), places[0])
    options = [
        element("option", f"{one.name} ({one.signals:,} signals)", value=str(place))
        for place, one in enumerate(report.timelines)
    ]
    choice = element(
        "p",
        element("label", "Show ", for_="timeline"),
        element("select", *options, id="timeline"),
        class_="choice wide",
    )
    shown = [
        element("div", one, class_="timeline wide", hidden=place > 0)
        for place, one in enumerate(places)
    ]
    return section("market", "Signals over time", _lead(report), choice, *shown)


def _lead(report: Report) -> str:
    text = (
        "Each mark is a signal at the close of its bar: filled if it traded, hollow if it did not."
    )
    if report.timelines_left:
        text += (
            f" {report.timelines_left:,} more combinations of strategy and symbol are not drawn."
        )
    return text


def _timeline(one: Timeline, sheet: Sheet) -> Html:
    said = [f"{one.signals:,} signals"]
    if one.account is not None:
        said.append(f"the account returned {percent(one.account.total_return, 1)}")
        said.append(f"its deepest drawdown was {percent(one.account.worst_drawdown, 1)}")
    if one.ribbons:
        said.append(f"regimes: {', '.join(ribbon.classifier for ribbon in one.ribbons)}")
    return sheet.chart(
        one.name,
        timeline_chart(one),
        " ".join(_resolution(one)),
        said=f"{one.name}: {'; '.join(said)}.",
        wide=True,
        key=_key(one),
        height=420 + 26 * len(one.ribbons) + (220 if one.equity is not None else 0),
    )


def _key(one: Timeline) -> Html | None:
    """Return what the colours of the ribbons stand for."""
    if not one.ribbons:
        return None
    inks = ribbon_inks(one.ribbons)
    lines = []
    for ribbon in one.ribbons:
        swatches = [
            element(
                "span",
                element("span", class_="swatch", style=f"background:var(--{colour})"),
                state,
                class_="state",
            )
            for (classifier, state), colour in inks.items()
            if classifier == ribbon.classifier
        ]
        lines.append(element("div", element("span", ribbon.classifier, class_="of"), *swatches))
    return element("div", *lines, class_="key")


def _resolution(one: Timeline) -> list[str]:
    """Say what is drawn, how finely, and what is not there."""
    said = ["Drag to zoom, double-click to see all."]
    if one.price is None:
        said.append("No base data were recorded, so there is no line of prices.")
    elif one.price.each > 1:
        said.append(f"Prices show the lowest and highest close of every {one.price.each} bars.")
    drawn = sum(len(mark.x) for mark in one.marks)
    whole = sum(mark.whole for mark in one.marks)
    if drawn < whole:
        said.append(f"{drawn:,} of {whole:,} signals are drawn, evenly chosen.")
    if one.unplaced:
        said.append(f"{one.unplaced:,} signals have no bar and no price, and are not drawn.")
    if any(ribbon.merged for ribbon in one.ribbons):
        said.append("Regimes too short to be seen are left out of the ribbon.")
    if one.equity is None:
        said.append("Equity was not recorded.")
    elif one.equity.each > 1:
        each = one.equity.each
        said.append(f"Equity and drawdown show the extremes of every {each} bars.")
    return said


def fates_section(report: Report, sheet: Sheet) -> Html | None:
    """Return why signals did not trade, and how they are distributed."""
    title = "Why signals did not trade"
    fates = report.fates
    if not fates.total:
        return None
    lead = "Every signal ends somewhere; this is where, and who refused it."
    return section("fates", title, lead, _waterfall(fates, sheet), *_distributions(report, sheet))


def _waterfall(fates: Fates, sheet: Sheet) -> Html:
    """Return how all signals become those that traded; a sentence, if all of them did."""
    if not fates.steps:
        return empty(f"All {fates.total:,} signals traded.")
    rows = [
        (
            what.replace("_", " ") or NONE,
            why.replace("_", " ") or NONE,
            f"{count:,}",
            _share(count, fates.total),
        )
        for what, why, count in fates.steps
    ]
    rows.append(("traded", "", f"{fates.taken:,}", _share(fates.taken, fates.total)))
    return sheet.chart(
        "From all signals to those that traded",
        fates_chart(fates),
        "From the top: all signals, then what each reason takes away, and what is left.",
        said=f"{fates.taken:,} of {fates.total:,} signals traded.",
        numbers=table("What became of the signals", ("became", "why", "signals", "share"), rows),
        wide=True,
    )


def _share(count: int, whole: int) -> str:
    return f"{count / whole:.1%}" if whole else NONE


def _distributions(report: Report, sheet: Sheet) -> list[Html]:
    rows = [
        (word, *(f"{sides[side]:,}" for side in Side))
        for word, sides in report.fates.by_direction.items()
    ]
    made = [
        sheet.chart(
            "Direction",
            directions_chart(report.fates),
            "Signals by direction; flat ones close a position and have no direction.",
            numbers=table("Signals by direction", ("direction", *map(str, Side)), rows),
        )
    ]
    if report.activity is not None:
        made.append(
            sheet.chart(
                "When signals came",
                activity_chart(report.activity),
                "Signals in stretches of time of one length, by what became of them.",
            )
        )
    return [*made, _strength(report, sheet)]


def _strength(report: Report, sheet: Sheet) -> Html:
    """Return the distribution of strength, or that no signal has one."""
    strengths, statistics = report.quality.strengths, report.quality.strength_statistics
    if not strengths.rows:
        return empty("No signal says how strong it is, so there is no distribution of it.")
    named = [(name, f"{value:.4g}") for name, value in statistics.items()]
    return sheet.chart(
        "Strength",
        inked(strengths.plot()),
        f"{statistics['count']:,} signals say how strong they are, in bins of one width.",
        numbers=table("Strength", ("figure", "value"), named),
        wide=report.activity is not None,
    )
