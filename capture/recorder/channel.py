"""The fast way in: a row whose fields were declared once, appended as plain values."""

from __future__ import annotations

import struct
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from capture.events import EVENTS
from capture.journal.layout import NULL_FLOAT_BITS, NULL_INT, NULL_SMALL

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from capture.journal import Layout
    from capture.journal.writer import Append
    from capture.recorder.blocks import LateSource

__all__ = ["OBSERVED", "Channel", "event_of"]


class Channel:
    """Appends rows of one layout.

    Attributes:
        layout: the declared form of the rows.
        append: writes one row and returns its sequence number; observers hear of it if there are
            any. It is the journal's own function where nobody listens.
    """

    __slots__ = ("append", "layout")

    def __init__(
        self,
        layout: Layout,
        write: Append,
        observe: Callable[[Any], None] | None,
        words: Sequence[str | None],
        late: LateSource | None,
    ) -> None:
        """Bind the journal's function, and the observers' if there are any."""
        self.layout = layout
        self.append = write if observe is None else _observed(layout, write, observe, words, late)


def _observed(
    layout: Layout,
    write: Append,
    observe: Callable[[Any], None],
    words: Sequence[str | None],
    late: LateSource | None,
) -> Append:
    make = EVENTS[layout.table].lazy

    def append(*values: Any) -> int:
        seq = write(*values)
        if seq >= 0:
            own = partial(event_of, layout, seq, values, words)
            if late is None:
                observe(make({"seq": seq}, own))
            else:  # what must be gathered is only asked for where the row itself does not say it
                observe(make({"seq": seq}, own, partial(_late_values, layout, seq, values, late)))
        return seq

    return append


def event_of(
    layout: Layout, seq: int, values: Sequence[Any], words: Sequence[str | None]
) -> Mapping[str, Any]:
    """Return the values that a row itself has, by column name."""
    event: dict[str, Any] = {**layout.constants, "seq": seq}
    for (name, kind), value in zip(layout.fields, values, strict=True):
        event[name] = _plain(value, kind, words)
    for name, prefix, source in layout.derived:
        if event.get(name) is None:
            number = seq if source == "seq" else event[source]
            event[name] = None if number is None else f"{prefix}{number}"
    return event


def _late_values(
    layout: Layout, seq: int, values: Sequence[Any], late: LateSource
) -> Mapping[str, Any]:
    fields = zip(layout.fields, values, strict=True)
    known = {f.name: v for f, v in fields if f.kind not in {"word", "text"}}
    return late.one({"seq": seq, **known})


def _plain(value: Any, kind: str, words: Sequence[str | None]) -> Any:
    """Return a journal value as a person expects it."""
    match kind:
        case "word":
            return words[value]
        case "float":
            return None if _is_null(value) else value
        case "time":
            return None if value == NULL_INT else pd.Timestamp(value, unit="ns", tz="UTC")
        case "int":
            return None if value == NULL_INT else value
        case "small" | "flag":
            return None if value == NULL_SMALL else (bool(value) if kind == "flag" else value)
        case _:
            return value


def _is_null(value: Any) -> bool:
    return bool(
        value != value and struct.unpack("<Q", struct.pack("<d", value))[0] == NULL_FLOAT_BITS
    )


OBSERVED: Final = {
    "signals": "on_signal",
    "fills": "on_fill",
    "bars": "on_bar",
    "regimes": "on_regime_change",
    "statuses": "on_status",
}
"""The hook that hears of each table's rows."""
