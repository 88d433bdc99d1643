"""The sections on the recording itself: its trials, its consistency, where it comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from capture.report.html import Html, element
from capture.report.ink import inked
from capture.report.sheet import empty, section, table
from capture.report.words import number, percent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from capture.report.model import Report
    from capture.report.sheet import Sheet

__all__ = ["consistency_section", "provenance_section", "selection_section"]

_MOST_TRIALS: Final = 40
_SHORT: Final = 16


def selection_section(report: Report, sheet: Sheet) -> Html | None:
    """Return what the best of several trials is worth; nothing for a single one."""
    found = report.selection
    if found is None:
        return None
    columns = ("trial", "total return", "Sharpe, yearly", "P(above zero)", "periods", "part")
    rows = [
        (
            row.trial,
            percent(row.total_return, 1),
            number(row.sharpe_annual, "+.2f"),
            number(row.probabilistic, ".3f"),
            f"{row.periods:,}",
            str(row.part),
        )
        for row in found.rows[:_MOST_TRIALS]
    ]
    more = len(found.rows) - len(rows)
    caption = (
        f"The best {len(rows)} of {len(found.rows):,} trials" if more else "Trials, the best first"
    )
    blocks: list[Html] = [element("p", found.summary(), class_="card wide prose")]
    if found.rows:
        blocks.append(
            sheet.chart(
                "Sharpe ratios of all trials",
                inked(found.plot()),
                "Dashed: how high the best of as many trials gets by luck alone. Solid: the best.",
            )
        )
    if found.overfitting is not None:
        blocks.append(
            sheet.chart(
                "The best of the past, in the future",
                inked(found.overfitting.plot()),
                "Where the best of one half of the time comes out in the other, over all ways to "
                "part it. Left of the line is overfitting.",
            )
        )
    blocks.append(element("div", table(caption, columns, rows), class_="card wide"))
    lead = "Of many parameter sets one looks best, by luck if by nothing else."
    return section("selection", "Selection", lead, *blocks)


def consistency_section(report: Report, sheet: Sheet) -> Html:
    """Return whether the recording agrees with itself, and what to do where it does not."""
    found = report.consistency
    if not found.findings:
        names = [element("li", name.replace("_", " ")) for name in found.checks]
        sound = element("ul", *names, class_="card wide checks")
        return section("consistency", "Consistency", found.summary(), sound)
    chart = sheet.chart(
        "Checks",
        inked(found.plot()),
        "A green dot: nothing found. A bar: events that a check objects to.",
        said=found.summary(),
        wide=True,
    )
    rows = [
        (
            str(one.severity),
            one.check,
            f"{one.count:,}",
            one.message,
            ", ".join(map(str, one.seqs[:8])) + (" …" if one.count > 8 else ""),
            one.mend,
        )
        for one in found.findings
    ]
    columns = ("severity", "check", "count", "what", "events", "mend")
    shown = element("div", table("Findings of the checks", columns, rows), class_="card wide")
    return section("consistency", "Consistency", found.summary(), shown, chart)


def provenance_section(report: Report, _sheet: Sheet) -> Html:
    """Return where the recording comes from."""
    said = report.provenance
    cards = [
        _facts("Run", said.run),
        _facts("Versions", said.versions),
        _facts("Fingerprints", said.fingerprints),
        _facts("Settings of the backtester", said.settings),
        _facts("What the recorder noticed", said.flags),
        _facts("Filters of this report", said.asked),
    ]
    blocks: list[object] = [card for card in cards if card is not None]
    if said.strategies:
        more = f", and {said.strategies_left:,} more" if said.strategies_left else ""
        columns = ("strategy", "parameters", "indicators")
        shown = table(f"Strategies{more}", columns, said.strategies)
        blocks.append(element("div", shown, class_="card wide"))
    if said.data:
        rows = [(symbol, frame, f"{bars:,}", mark) for symbol, frame, bars, mark in said.data]
        shown = table("Base data", ("symbol", "timeframe", "bars", "fingerprint"), rows)
        blocks.append(element("div", shown, class_="card wide"))
    if not blocks:
        blocks.append(empty("Nothing is known of where it comes from."))
    lead = "What it takes to say which code on which data made this, and to make it again."
    return section("provenance", "Provenance", lead, *blocks)


def _facts(title: str, facts: Mapping[str, str]) -> Html | None:
    if not facts:
        return None
    lines = [
        element("div", element("dt", name.replace("_", " ")), element("dd", value))
        for name, value in facts.items()
    ]
    return element("div", element("h3", title), element("dl", *lines), class_="card")
