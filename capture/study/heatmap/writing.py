"""A heat map into a file: a page with plotly, or SVG with nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from capture.errors import ConfigError
from capture.store.records import write_atomically

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from capture.study.heatmap.mapping import HeatMap

__all__ = ["write_heat_map"]


def write_heat_map(
    found: HeatMap, place: str | Path, rows: Sequence[Mapping[str, Any]] = ()
) -> None:
    """Write a heat map into a file.

    Args:
        found: the heat map.
        place: a file that ends with `.html` (one page with plotly, which needs the extra `report`)
            or with `.svg`.
        rows: the best trials, for the table of the page.
    """
    path = Path(place)
    match path.suffix.lower():
        case ".html" | ".htm":
            from capture.study.heatmap.html import page_of

            text = page_of(found, rows)
        case ".svg":
            from capture.study.heatmap.svg import svg_of

            text = svg_of(found)
        case _:
            raise ConfigError("heat map", str(place), "name a file that ends with .html or .svg")
    write_atomically(path, text.encode())
