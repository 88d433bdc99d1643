"""Pieces of the page: charts with what they say in words and in numbers, tables, sections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from capture.report.html import Html, element, join
from capture.report.words import NONE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Sheet", "empty", "section", "table"]

_HEIGHT: Final = 340


class Sheet:
    """Takes charts while the page is written, and keeps their data for the page's script.

    Attributes:
        charts: by the identity of its place in the page.
    """

    def __init__(self) -> None:
        """Begin without charts."""
        self.charts: dict[str, Any] = {}

    def chart(
        self,
        title: str,
        figure: dict[str, Any],
        reading: str,
        *,
        said: str = "",
        numbers: Html | None = None,
        key: Html | None = None,
        wide: bool = False,
        height: int = _HEIGHT,
    ) -> Html:
        """Return the place of a chart.

        Args:
            title: what stands above it.
            figure: traces and layout.
            reading: how it is read.
            said: what it comes to, for those who do not see it; `reading` if empty.
            numbers: a table of what it shows.
            key: what its colours stand for, where it has no legend.
            wide: whether it takes the whole width.
            height: in pixels, unless the figure says so itself.
        """
        identity = f"chart-{len(self.charts) + 1}"
        self.charts[identity] = figure
        tall = figure["layout"].pop("height", height)
        more = None
        if numbers is not None:
            more = element("details", element("summary", "The numbers"), numbers)
        return element(
            "figure",
            element("h3", title, id=f"{identity}-title"),
            element(
                "div",
                class_="chart",
                id=identity,
                role="img",
                aria_label=said or reading,
                style=f"height:{tall}px",
            ),
            key,
            element("figcaption", reading),
            more,
            class_="card wide" if wide else "card",
            aria_labelledby=f"{identity}-title",
        )


def table(caption: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Html:
    """Return a table; columns that hold only numbers stand to the right."""
    kept = [list(row) for row in rows]
    right = [bool(kept) and all(_is_number(row[n]) for row in kept) for n in range(len(columns))]
    kinds = ["n" if one else None for one in right]
    head = [
        element("th", name, scope="col", class_=kind)
        for name, kind in zip(columns, kinds, strict=True)
    ]
    body = [
        element(
            "tr", *(element("td", cell, class_=kind) for cell, kind in zip(row, kinds, strict=True))
        )
        for row in kept
    ]
    # A region that scrolls must be reachable by keyboard.
    return element(
        "div",
        element(
            "table",
            element("caption", caption),
            element("thead", element("tr", *head)),
            element("tbody", *body),
        ),
        class_="scroll",
        tabindex="0",
        role="region",
        aria_label=caption,
    )


def _is_number(cell: object) -> bool:
    text = str(cell)
    return text == NONE or (text[:1] in "+-0123456789" and text.strip("+-%,. 0123456789e") == "")


def section(identity: str, title: str, lead: str, *blocks: object) -> Html:
    """Return a section of the page."""
    return element(
        "section",
        element("h2", title, id=f"{identity}-title"),
        element("p", lead, class_="lead") if lead else None,
        element("div", join(*blocks), class_="cards"),
        id=identity,
        aria_labelledby=f"{identity}-title",
    )


def empty(text: str) -> Html:
    """Return what stands where there is nothing to show, and why."""
    return element("p", text, class_="card wide empty")
