"""Documents for programs: JSON without NaN, times as ISO 8601 with Z."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import click

from capture.commands.terminal.text import is_absent

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

__all__ = ["iso", "json_line", "plain", "rows_of", "utc", "write"]


def plain(value: Any) -> Any:
    """Return a value as JSON has it; NaN and the infinities, which it has not, as null."""
    if isinstance(value, (str, bool)) or value is None:
        return value
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    if is_absent(value):
        return None
    if isinstance(value, (datetime, date)):
        return iso(value)
    item = getattr(value, "item", None)  # a numpy scalar
    if item is not None and not isinstance(value, (int, float)):
        return plain(item())
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    return int(value) if isinstance(value, int) else str(value)


def iso(value: datetime | date) -> str:
    """Return a time as ISO 8601 in UTC with Z; one without a zone is taken as it stands."""
    if not isinstance(value, datetime):
        return value.isoformat()
    moved = value if value.tzinfo is None else value.astimezone(UTC)
    return moved.isoformat().removesuffix("+00:00") + "Z"


def json_line(value: Any) -> str:
    """Return a value as one line of JSON, in ASCII, so that it cannot steer a terminal."""
    return json.dumps(plain(value), allow_nan=False)


def write(value: Any) -> None:
    """Write the one document that a verb answers with."""
    click.echo(json.dumps(plain(value), allow_nan=False, indent=2))


def rows_of(frame: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Return a frame's rows as mappings that JSON can hold."""
    names = list(map(str, frame.columns))
    for row in frame.itertuples(index=False, name=None):
        yield {name: plain(value) for name, value in zip(names, row, strict=True)}


def utc(text: str | None) -> str | None:
    """Return a record's time, which names its zone, as ISO 8601 with Z."""
    return None if text is None else iso(datetime.fromisoformat(text))
