"""The calls of a callback, collapsed to the position that is wanted after them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from capture.replaying.intents import Intent

__all__ = ["Target", "targets_of"]

_ORDER: Final = re.compile(r"o\d+")
"""An order that an adapter recorded; what an order of the user's own hangs on is the user's."""


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
        size_kind: units, fraction, portion (of what is held), target, target_fraction or value.
    """

    signal_seq: int | None
    bar_index: int | None
    callback: int | None
    symbol: str | None
    direction: int
    size: float | None
    size_kind: str | None


def targets_of(intents: Iterable[Intent]) -> tuple[Target, ...]:
    """Return one target per callback and symbol in which the strategy placed an order.

    Prices are left out: a target is reached at once. The last call that opens or closes wins, as
    it does in a host that carries the calls out one after the other.
    """
    last: dict[tuple[object, ...], Target] = {}
    for intent in intents:
        if intent.action != "new" or _ORDER.fullmatch(intent.parent_id or ""):
            continue  # what hangs on another order protects a position, and wants none
        key = (intent.part, intent.callback, intent.bar_index, intent.symbol)
        last[key] = _target(intent, last.get(key))
    return tuple(last.values())


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
