"""What the position that a signal opened comes to, fill by fill, at its mean cost."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import TYPE_CHECKING, Any, Final

from capture.errors import InvalidEvent
from capture.lifecycle.amounts import CONTEXT, exact

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["Position", "position_of"]

_ZERO: Final = Decimal(0)


@dataclass(frozen=True)
class Position:
    """A position as its fills have it.

    Attributes:
        entry_price: mean price of all ways in.
        entry_quantity: units of all ways in.
        exit_price: mean price of all ways out.
        exit_quantity: units of all ways out.
        commission: paid on all of them.
        realised_profit: of the units given back, after their commissions and their share of those
            of the way in.
        held: units that are held.
        cost: mean price of the units that are held.
        held_commission: share of the way in's commissions that belongs to the units held.
        opened_ns: time of the first fill.
        last_ns: time of the last one.
    """

    entry_price: float
    entry_quantity: float
    exit_price: float | None
    exit_quantity: float
    commission: float
    realised_profit: float
    held: float
    cost: float
    held_commission: float
    opened_ns: int
    last_ns: int

    def unrealised(self, direction: int, mark: float) -> float:
        """Return the profit of the units held at a price, after the commissions paid for them."""
        with localcontext(CONTEXT):
            gain = direction * (exact(mark) - exact(self.cost)) * exact(self.held)
            return float(gain - exact(self.held_commission))


def position_of(direction: int, fills: Iterable[Mapping[str, Any]]) -> Position | None:
    """Return the position of fills in their order, or None if nothing was bought or sold.

    Args:
        direction: 1 long, -1 short.
        fills: mappings with `role` (entry or exit), `quantity`, `price`, `commission`, `at_ns`;
            those of other roles, or without price or quantity, say nothing of a position.
    """
    with localcontext(CONTEXT):
        return _walked(direction, fills)


def _walked(direction: int, fills: Iterable[Mapping[str, Any]]) -> Position | None:
    held = cost = held_commission = realised = commission = _ZERO
    sums = {"entry": (_ZERO, _ZERO), "exit": (_ZERO, _ZERO)}
    times = []
    for fill in fills:
        if fill["price"] is None or fill["quantity"] is None or fill["role"] not in sums:
            continue
        price, quantity = exact(fill["price"]), exact(fill["quantity"])
        paid = exact(fill["commission"])
        times.append(fill["at_ns"])
        commission += paid
        units, worth = sums[fill["role"]]
        sums[fill["role"]] = (units + quantity, worth + quantity * price)
        if fill["role"] == "entry":
            cost = (cost * held + price * quantity) / (held + quantity)
            held += quantity
            held_commission += paid
            continue
        if quantity > held:
            problem = f"is more than the {float(held)} that are held"
            raise InvalidEvent("quantity", fill["quantity"], problem)
        share = held_commission * quantity / held
        realised += direction * (price - cost) * quantity - paid - share
        held_commission -= share
        held -= quantity
    (taken, taken_worth), (given, given_worth) = sums["entry"], sums["exit"]
    if not taken:
        return None
    return Position(
        entry_price=float(taken_worth / taken),
        entry_quantity=float(taken),
        exit_price=float(given_worth / given) if given else None,
        exit_quantity=float(given),
        commission=float(commission),
        realised_profit=float(realised),
        held=float(held),
        cost=float(cost),
        held_commission=float(held_commission),
        opened_ns=times[0],
        last_ns=times[-1],
    )
