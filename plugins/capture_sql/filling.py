"""Fills: how they add up, and what they cost against what was expected."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from capture.errors import InvalidEvent
from capture.events import SignalStatus
from capture.lifecycle.amounts import difference, mean, total

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["SIGNS", "Fill", "fill_in", "priced"]

_EXECUTION: Final = ("executed_price", "executed_quantity", "executed_ns", "commission", "fill_id")
SIGNS: Final = {"buy": 1, "sell": -1}
_FILLABLE: Final = frozenset(
    {
        SignalStatus.PARTIALLY_FILLED,
        SignalStatus.EXECUTED,
        SignalStatus.CANCELLED,  # what was filled before the rest was cancelled, or expired
        SignalStatus.EXPIRED,
        SignalStatus.ERROR,
    }
)


@dataclass(frozen=True)
class Fill:
    """A fill as it was told.

    `overfill` allows more than was asked for, as brokers sometimes do. The role is entry, or reduce
    if the fill only gave back what other signals had taken.
    """

    price: float | None = None
    quantity: float | None = None
    commission: float = 0.0
    at_ns: int | None = None
    fill_id: str | None = None
    order_id: str | None = None
    overfill: bool = False
    role: str = "entry"

    @property
    def there(self) -> bool:
        """Whether anything was filled at all."""
        return self.price is not None or self.quantity is not None

    @classmethod
    def taken_from(cls, values: dict[str, Any]) -> Fill:
        """Take the fields of a fill out of checked ones."""
        price, quantity, at_ns, commission, fill_id = (
            values.pop(name, None) for name in _EXECUTION
        )
        fill = cls(price, quantity, commission or 0.0, at_ns, fill_id, values.get("order_id"))
        if not fill.there and (commission or fill_id or at_ns):
            name = "commission" if commission else "fill_id" if fill_id else "executed_ns"
            given = commission or fill_id or at_ns
            raise InvalidEvent(name, given, "comes with a fill; give executed_price as well")
        return fill


def fill_in(
    row: dict[str, Any],
    fill: Fill,
    status: SignalStatus,
    before: Sequence[Mapping[str, Any]],
    at_ns: int,
) -> dict[str, Any]:
    """Add a fill to a signal's row, whose other fills are `before`, and return the fill's row."""
    if status not in _FILLABLE:
        raise InvalidEvent(
            "executed_price" if fill.price is not None else "executed_quantity",
            fill.price if fill.price is not None else fill.quantity,
            f"a signal that is {status} has no fill",
        )
    quantity = _quantity(row, fill, status, before)
    made = {
        "signal_id": row["signal_id"],
        "fill_id": fill.fill_id or secrets.token_hex(8),
        "role": fill.role,
        "quantity": quantity,
        "price": fill.price,
        "commission": float(fill.commission),
        "at_ns": at_ns,
        "order_id": fill.order_id,
    }
    every = [*(each for each in before if each["role"] != "exit"), made]
    known = [each["quantity"] for each in every if each["quantity"] is not None]
    row["executed_quantity"] = total(known) if known else None
    row["commission"] = total(each["commission"] for each in every)
    row["executed_ns"] = at_ns
    priced_fills = [each for each in every if each["price"] is not None]
    if len(priced_fills) == 1:
        row["executed_price"] = priced_fills[0]["price"]
    elif priced_fills:
        row["executed_price"] = mean((each["price"], each["quantity"]) for each in priced_fills)
    priced(row)
    return made


def _quantity(
    row: Mapping[str, Any],
    fill: Fill,
    status: SignalStatus,
    before: Sequence[Mapping[str, Any]],
) -> float | None:
    """Return how much was filled: what was said, or all the rest of an executed signal."""
    entries = [each for each in before if each["role"] != "exit"]
    done = total(each["quantity"] for each in entries if each["quantity"] is not None)
    wanted = row["requested_quantity"]
    quantity = fill.quantity
    if quantity is None and status is SignalStatus.EXECUTED and wanted is not None:
        quantity = difference(wanted, done)
        if quantity <= 0:
            raise InvalidEvent("executed_price", fill.price, f"all {wanted} are filled already")
    if quantity is None and (entries or status is not SignalStatus.EXECUTED):
        raise InvalidEvent("executed_quantity", None, "is required: how much did this fill bring?")
    if quantity is not None and wanted is not None and not fill.overfill:
        over = difference(total([done, quantity]), wanted)
        if over > 0:
            raise InvalidEvent(
                "executed_quantity",
                quantity,
                f"is that of one fill; with the {done} before it is {over} more than the {wanted} "
                "asked for. If the broker did fill more, say overfill=True",
            )
    return quantity


def priced(row: dict[str, Any]) -> None:
    """Compute what execution cost against what was expected, in all and by stage."""
    sign = SIGNS.get(row["side"])
    expected, submitted = row["entry_price"], row["submitted_price"]
    executed = row["executed_price"]
    if sign is None or executed is None:
        return
    if expected is not None:
        row["slippage"] = sign * difference(executed, expected) + 0.0
    if submitted is not None:
        row["fill_slippage"] = sign * difference(executed, submitted) + 0.0
        if expected is not None:
            row["delay_slippage"] = sign * difference(submitted, expected) + 0.0
