"""The calls of a callback, collapsed to the position that is wanted after them."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pyarrow as pa

    from capture.replaying.intents import Intent

__all__ = ["MOVES", "Moved", "Target", "moves_of", "targets_of"]

_ORDER: Final = re.compile(r"o\d+")
"""An order that an adapter recorded; what an order of the user's own hangs on is the user's."""

_OF_ITS_OWN: Final = frozenset({"portion", "target", "value", "target_fraction"})
"""Sizes that say what is to be held, whatever is held."""


MOVES: Final = ("order_seq", "side", "size", "position_after", "decision_bar")
"""The columns of fills that say what an order did."""


class Moved(NamedTuple):
    """What an order did to the position: from what, to what."""

    before: float
    after: float


@dataclass(frozen=True, slots=True)
class Target:
    """A position that is wanted from a callback on.

    Attributes:
        signal_seq: the last signal that went into it.
        bar_index: bar of the callback.
        callback: running number of the callback.
        symbol: instrument.
        direction: 1 long, -1 short, 0 flat.
        size: how much, in the unit of `size_kind`; None leaves it to the host.
        size_kind: units, fraction, portion (of what is held, what remains), target,
            target_fraction or value.
    """

    signal_seq: int | None
    bar_index: int | None
    callback: int | None
    symbol: str | None
    direction: int
    size: float | None
    size_kind: str | None


def moves_of(fills: pa.Table) -> dict[int, Moved]:
    """Return what each order did to the position, by the sequence number of the order.

    What no decision led to, such as the stop-loss of an order, is none of it.
    """
    if any(name not in fills.column_names for name in MOVES):
        return {}
    moves: dict[int, Moved] = {}
    columns = (fills.column(name).to_pylist() for name in MOVES)
    for order, side, size, after, decided in zip(*columns, strict=True):
        if None in (order, side, size, after, decided):
            continue
        before = moves[order].before if order in moves else after - side * size
        moves[order] = Moved(before, after)
    return moves


def targets_of(
    intents: Iterable[Intent],
    moves: Mapping[int, Moved] | None = None,
    held: Mapping[int, float] | None = None,
) -> tuple[Target, ...]:
    """Return one target per callback and symbol in which the strategy placed an order.

    Prices are left out: a target is reached at once. The last call that opens or closes wins, as
    it does in a host that carries the calls out one after the other.

    To buy may be to enter, to add, to take back a short position or a part of it; in some hosts it
    also turns one round. What it came to says which.

    Args:
        intents: the recorded calls.
        moves: what each order did to the position, by its sequence number.
        held: the position when each signal was given, by the signal's sequence number.
    """
    last: dict[tuple[object, ...], Target] = {}
    for intent in intents:
        if intent.action != "new" or _ORDER.fullmatch(intent.parent_id or ""):
            continue  # what hangs on another order protects a position, and wants none
        key = (intent.part, intent.callback, intent.bar_index, intent.symbol)
        before = last.get(key)
        moved = (moves or {}).get(intent.seq)
        held_before = (held or {}).get(-1 if intent.signal_seq is None else intent.signal_seq, 0.0)
        if _protects(intent, moved, before.direction if before else held_before):
            continue
        last[key] = _moved(_target(intent, before), intent, moved)
    return tuple(last.values())


def _protects(intent: Intent, moved: Moved | None, held: float) -> bool:
    """Say whether an order waits for a price at which a position, or part of it, is left."""
    if intent.order_type in {None, "market"} or not intent.side:
        return False
    if moved is not None:
        return abs(moved.after) < abs(moved.before) and moved.after * moved.before >= 0
    return held * intent.side < 0


def _target(intent: Intent, before: Target | None) -> Target:
    direction, size, kind = intent.side or 0, intent.size, intent.size_kind
    if kind == "portion":
        whole = size is None or size >= 1
        direction = 0 if whole else (before.direction if before else -direction)
        size = None if whole else 1 - (size or 0.0)
    elif kind == "sizer":
        size = None  # what the sizer of that run made of it
    elif kind in {"target", "value", "target_fraction"}:
        direction = 0 if not size else (1 if size > 0 else -1)
    return Target(
        intent.signal_seq,
        intent.bar_index,
        intent.callback,
        intent.symbol,
        direction,
        size,
        kind,
    )


def _moved(target: Target, intent: Intent, moved: Moved | None) -> Target:
    """Return the target as what the order came to shows it, where it filled."""
    if moved is None or not moved.before or intent.size_kind in _OF_ITS_OWN:
        return target
    before, after = moved
    said: dict[str, Any] = {}
    if not after:
        said = {"direction": 0, "size": None, "size_kind": "portion"}
    elif after * before < 0:  # turned round
        if intent.size_kind == "units":
            said = {"size": abs(after)}
    elif abs(after) < abs(before):
        said = {"direction": 1 if after > 0 else -1, "size": after / before, "size_kind": "portion"}
    elif intent.size_kind == "units":
        said = {"size": after, "size_kind": "target"}
    return replace(target, **said)
