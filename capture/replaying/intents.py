"""The recorded intents of a run, in the order in which the strategy had them."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from capture.schema import ORDERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from capture.replaying.boundaries import BoundaryPlan
    from capture.store.recording import Recording

__all__ = ["FLATTEN", "ORDER_WORDS", "Intent", "group", "planned", "read_intents"]

ORDER_WORDS: Final = (
    "action",
    "call",
    "side",
    "order_type",
    "size",
    "size_kind",
    "limit_price",
    "stop_price",
    "trail",
    "stop_loss",
    "take_profit",
    "valid",
)
"""What an order says of what is wanted, whatever it is called and wherever it stands."""

FLATTEN: Final = "flatten"
"""The call of an exit that a replay adds: close what is held, whatever it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """One call of the strategy: an order placed, edited or cancelled.

    The attributes are the columns of the `orders` table; what was null is None.
    """

    part: int
    seq: int
    strategy_id: str | None
    symbol: str | None
    bar_index: int | None
    signal_id: str | None
    signal_seq: int | None
    order_id: str | None
    action: str
    call: str | None
    arguments: str | None
    side: int | None
    order_type: str | None
    size: float | None
    size_kind: str | None
    limit_price: float | None
    stop_price: float | None
    trail: float | None
    stop_loss: float | None
    take_profit: float | None
    valid: str | None
    parent_id: str | None
    oco_id: str | None
    tag: str | None
    phase: str | None
    callback: int | None


def read_intents(recording: Recording, *, part: int | None = None) -> tuple[Intent, ...]:
    """Return the intents of a recording, or of one part of it, in order."""
    names = [field.name for field in fields(Intent)]
    table = recording.table("orders", columns=names)
    columns = {
        name: table.column(name).to_pylist()
        if name in table.column_names
        else pa.nulls(table.num_rows, ORDERS.type_of(name)).to_pylist()
        for name in names
    }
    every = (
        Intent(**dict(zip(names, row, strict=True))) for row in zip(*columns.values(), strict=True)
    )
    return tuple(intent for intent in every if part is None or intent.part == part)


def group(intents: Iterable[Intent], by: str) -> dict[Any, tuple[Intent, ...]]:
    """Return the intents by one of their attributes, such as `callback` or `bar_index`."""
    groups: dict[Any, list[Intent]] = {}
    for intent in intents:
        groups.setdefault(getattr(intent, by), []).append(intent)
    return {key: tuple(members) for key, members in groups.items()}


def planned(intents: Iterable[Intent], plan: BoundaryPlan) -> Iterator[Intent]:
    """Yield what is left of the intents when regimes bound them, and then the exits they bring."""
    part, halved = 0, set()
    for intent in intents:
        part, seq = intent.part, intent.signal_seq
        if seq is None or seq in plan.kept:
            yield intent
        elif seq in plan.closed and seq not in halved and intent.action == "new":
            halved.add(seq)
            yield replace(intent, **_CLOSING, tag=None)
    for symbol, bar, strategy_id in plan.flattened:
        nothing = dict.fromkeys(field.name for field in fields(Intent))
        said = {"part": part, "seq": -1, "action": "new", "phase": "next"}
        place = {"strategy_id": strategy_id, "symbol": symbol, "bar_index": bar}
        yield Intent(**{**nothing, **_CLOSING, **said, **place})


_CLOSING: Final[dict[str, Any]] = {
    "call": FLATTEN,
    "arguments": None,
    "side": 0,
    "order_type": "market",
    "size": None,
    "size_kind": "portion",
    "limit_price": None,
    "stop_price": None,
    "trail": None,
    "stop_loss": None,
    "take_profit": None,
    "valid": None,
    "parent_id": None,
    "oco_id": None,
}
