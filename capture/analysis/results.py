"""What every analysis returns: a typed result that shows itself as frame, dict, text and plot."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import fields
from html import escape
from math import isfinite
from typing import TYPE_CHECKING, Any, ClassVar

from capture.recorder.facts import plain

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

__all__ = ["Result"]


class Result(ABC):
    """A result of an analysis: an immutable dataclass that computes nothing more.

    Attributes:
        title: what stands above it, in text and in notebooks.
    """

    title: ClassVar[str]

    @abstractmethod
    def to_frame(self) -> pd.DataFrame:
        """Return the main table of the result."""

    def shown(self) -> pd.DataFrame:
        """Return what stands of the main table in text and in notebooks: by default all of it."""
        return self.to_frame()

    def to_dict(self) -> dict[str, Any]:
        """Return the result as plain values, ready for JSON, which has no NaN: that is None."""
        return {field.name: _plain(getattr(self, field.name)) for field in fields(self)}  # type: ignore[arg-type]

    def to_polars(self) -> pl.DataFrame:
        """Return the main table as a frame of Polars; needs the extra `polars`."""
        from capture.store.frames import polars

        frame: pl.DataFrame = polars().from_pandas(self.to_frame())
        return frame

    def summary(self) -> str:
        """Return the line or lines that say what the result comes to."""
        return ""

    def plot(self) -> Any:
        """Return a plotly figure; needs the extra `report`."""
        from capture.analysis.figures import figure_of

        return figure_of(self)

    def __str__(self) -> str:
        frame = self.shown()
        table = "(nothing)" if frame.empty else frame.to_string(index=False, na_rep="")
        return "\n".join(part for part in (self.title, self.summary(), table) if part)

    def _repr_html_(self) -> str:
        frame = self.shown()
        said = f"<p>{escape(self.summary())}</p>" if self.summary() else ""
        table = frame.to_html(index=False, na_rep="", border=0, escape=True)
        return f"<h4>{escape(self.title)}</h4>{said}{table}"


def _plain(value: Any) -> Any:
    if isinstance(value, Result):
        return value.to_dict()
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    if hasattr(value, "to_dict") and hasattr(value, "columns"):
        return [
            {str(name): _finite(plain(cell)) for name, cell in row.items()}
            for row in value.to_dict("records")
        ]
    if hasattr(value, "__dataclass_fields__"):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    return _finite(plain(value))


def _finite(value: Any) -> Any:
    """Return plain values without NaN and the infinities, which JSON does not know."""
    if isinstance(value, list):
        return [_finite(one) for one in value]
    if isinstance(value, dict):
        return {name: _finite(one) for name, one in value.items()}
    return None if isinstance(value, float) and not isfinite(value) else value
