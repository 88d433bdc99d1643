"""The page: one file with everything in it, that opens without a network."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from datetime import UTC, datetime
from importlib import resources
from typing import TYPE_CHECKING, Final

from capture._version import __version__
from capture.errors import MissingExtra
from capture.report.html import Html, data_script, element
from capture.report.sections import fates_section, findings_section, market_section
from capture.report.sections_origin import (
    consistency_section,
    provenance_section,
    selection_section,
)
from capture.report.sections_returns import groups_section, patterns_section, returns_section
from capture.report.sheet import Sheet

if TYPE_CHECKING:
    from capture.report.model import Report

__all__ = ["page"]

_SECTIONS: Final = {
    "Findings": findings_section,
    "Over time": market_section,
    "Fates": fates_section,
    "Returns": returns_section,
    "Groups": groups_section,
    "Patterns": patterns_section,
    "Selection": selection_section,
    "Consistency": consistency_section,
    "Provenance": provenance_section,
}


def page(report: Report) -> str:
    """Return a report as one HTML page.

    Raises:
        MissingExtra: plotly is not installed, whose script draws the charts.
    """
    plotly = _plotly_script()
    own = _packaged("page.js")
    sheet = Sheet()
    sections = {name: draw(report, sheet) for name, draw in _SECTIONS.items()}
    drawn = {name: one for name, one in sections.items() if one is not None}
    identities = [
        (name, draw.__name__.removesuffix("_section")) for name, draw in _SECTIONS.items()
    ]
    links = [(name, identity) for name, identity in identities if name in drawn]
    body = element(
        "body",
        element("a", "Skip to the findings", href="#findings", class_="skip"),
        _header(report),
        _navigation(links),
        element("main", *drawn.values()),
        _footer(report),
        data_script("charts", sheet.charts),
        Html(f"<script>{plotly}</script><script>{own}</script>"),
    )
    title = f"{report.strategy}, run {report.run_id}"
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_policy(plotly, own)),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="referrer", content="no-referrer"),
        element("title", title),
        Html(f"<style>{_packaged('page.css')}</style>"),
    )
    return f"<!doctype html>\n{element('html', head, body, lang='en')}\n"


def _header(report: Report) -> Html:
    record = report.provenance
    data = dict.fromkeys(f"{symbol} {frame}".strip() for symbol, frame, _, _ in record.data)
    said = (record.run.get("kind"), ", ".join(data), _minute(record.run.get("started", "")))
    title = element(
        "div",
        element("h1", report.strategy),
        element("p", report.run_id, class_="run"),
        element("p", " \u00b7 ".join(word for word in said if word), class_="line"),
    )
    # Its script names it for what it switches to.
    switch = element("button", "Theme", type="button", id="theme", aria_pressed="false")
    facts = [
        element(
            "div",
            element("dt", name),
            element("dd", value),
            element("dd", meaning, class_="meaning"),
            class_="fact",
        )
        for name, value, meaning in report.facts
    ]
    top = element("div", title, switch, class_="top")
    return element("header", top, element("dl", *facts, class_="facts"))


def _minute(text: str) -> str:
    return f"{datetime.fromisoformat(text):%Y-%m-%d %H:%M} UTC" if text else ""


def _navigation(links: list[tuple[str, str]]) -> Html:
    items = [element("li", element("a", name, href=f"#{identity}")) for name, identity in links]
    return element("nav", element("ul", *items), aria_label="Sections")


def _footer(report: Report) -> Html:
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    text = (
        f"Written by signal-capture {__version__} on {now} from run {report.run_id}. "
        "Times are UTC. Past returns say nothing for certain about future ones."
    )
    scripts = "The charts need JavaScript; the findings and the tables below them do not."
    return element("footer", element("p", text), element("noscript", element("p", scripts)))


def _policy(*scripts: str) -> str:
    """Return what the page may do: run these two scripts, and nothing else; load nothing."""
    hashes = " ".join(f"'sha256-{_digest(text)}'" for text in scripts)
    # plotly sets styles on elements, and makes pictures of charts on request.
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")


def _packaged(name: str) -> str:
    return resources.files("capture.report").joinpath(name).read_text(encoding="utf-8")


def _plotly_script() -> str:
    """Return plotly's script from its installed package."""
    try:
        from plotly.offline import get_plotlyjs
    except ImportError as exc:
        raise MissingExtra("report", extra="report", library="plotly") from exc
    script: str = get_plotlyjs()
    # An end tag in a string of the script would end the element around it.
    return script.replace("</script", "<\\/script").replace("\r\n", "\n").strip()
