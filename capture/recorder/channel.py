"""The fast way in: a row whose fields were declared once, appended as plain values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from capture.journal import Derived, Layout
    from capture.journal.appending import Append
    from capture.journal.many import Extend

__all__ = ["OBSERVED", "Channel", "Gather", "Share"]

Gather = Callable[..., Mapping[str, Any]]
"""Gathers further columns of a block from the columns of its rows."""

_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


class Share(NamedTuple):
    """What becomes, in one table, of records that are a row of several tables.

    Attributes:
        table: a table of `capture.schema.TABLES`.
        columns: the field that each column is read from; "seq" is the number of the first row.
        constants: columns that are equal in all rows.
        derived: identities made of a prefix and a number, which is a column or a field.
        late: gathers further columns of a block from the columns of its rows.
    """

    table: str
    columns: Mapping[str, str]
    constants: Mapping[str, Any] = _NOTHING
    derived: tuple[Derived, ...] = ()
    late: Gather | None = None


class Channel(NamedTuple):
    """Appends rows of one layout.

    Attributes:
        layout: the declared form of the rows.
        append: writes one row and returns its sequence number; observers hear of it if there are
            any. It is the journal's own function.
        extend: writes many rows at once, from a column per field; it does what appending each of
            them would.
    """

    layout: Layout
    append: Append
    extend: Extend


OBSERVED: Final = {
    "signals": "on_signal",
    "orders": "on_order",
    "fills": "on_fill",
    "bars": "on_bar",
    "regimes": "on_regime_change",
    "statuses": "on_status",
}
"""The hook that hears of each table's rows."""
