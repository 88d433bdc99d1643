"""Which figure shows which result; the figures themselves stand in files by topic."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, TypeVar

from capture.errors import MissingExtra, UnknownName

if TYPE_CHECKING:
    from collections.abc import Callable

    from capture.analysis.results import Result

__all__ = ["figure_for", "figure_of"]

_Draw = TypeVar("_Draw", bound="Callable[..., Any]")

_TOPICS: Final = (
    "capture.analysis.figures_quality",
    "capture.analysis.figures_comparison",
    "capture.analysis.figures_consistency",
    "capture.analysis.figures_labels",
    "capture.analysis.figures_patterns",
    "capture.analysis.figures_selection",
)
_FIGURES: Final[dict[type[Any], Callable[..., Any]]] = {}


def figure_for(kind: type[Any]) -> Callable[[_Draw], _Draw]:
    """Return a decorator: the function draws results of this kind."""

    def register(draw: _Draw) -> _Draw:
        _FIGURES[kind] = draw
        return draw

    return register


def figure_of(result: Result) -> Any:
    """Return a plotly figure of a result.

    Raises:
        MissingExtra: plotly is not installed.
        UnknownName: nothing draws results of this kind; show the frame instead.
    """
    try:
        import_module("plotly.graph_objects")
    except ImportError as exc:
        raise MissingExtra("plot", extra="report", library="plotly") from exc
    for topic in _TOPICS:
        import_module(topic)
    for kind in type(result).__mro__:
        if kind in _FIGURES:
            return _FIGURES[kind](result)
    names = sorted(kind.__name__ for kind in _FIGURES)
    raise UnknownName("figure of a result", type(result).__name__, names)
