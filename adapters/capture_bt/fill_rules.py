"""How bt fills orders under its settings."""

from __future__ import annotations

from math import ceil, floor, isclose
from typing import TYPE_CHECKING, Any, Final

from capture.contracts.fill_rules import Asked, FillRules, Sized, without_slippage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Commission = Callable[[float, float], float]

__all__ = ["rules"]

_MOST: Final = 10_000
_NEAR: Final = 1e-16
"""How near the host takes an outlay for what was asked for, as a part of it."""


def rules(settings: Mapping[str, Any]) -> FillRules:
    """Return how a run with these settings fills what is wanted: at once, at the close.

    A spread by date, and commissions that are no plain function of units and price, are not known.
    """
    commission = _commission(settings)
    spread = "bidoffer" in settings
    flows = any(name in settings for name in ("coupons", "cost_long", "cost_short"))
    whole = bool(settings.get("integer_positions", True))
    return FillRules(
        delay=0,
        place="close",
        slipped=None if spread else without_slippage,
        commission=commission,
        sized=None if spread or commission is None else _sized(commission, whole=whole),
        cash=None if flows else settings.get("initial_capital"),
    )


def _commission(settings: Mapping[str, Any]) -> Commission | None:
    said = settings.get("costs")
    if said is None or any(name.startswith("commissions of ") for name in settings):
        return None
    fixed, each, rate = said["fixed"], said["per_unit"], said["rate"]
    return lambda units, price: fixed + abs(units) * (each + price * rate)


def _sized(commission: Commission, *, whole: bool) -> Callable[[Asked], Sized | None]:
    def sized(asked: Asked) -> Sized | None:
        if asked.size is None:
            return None
        if asked.size_kind == "target":
            return Sized(abs(asked.size), abs(asked.size), "units")
        if asked.size_kind != "target_fraction":
            return None
        value, part = asked.equity, abs(asked.size)
        weight = asked.side * part - asked.held * asked.close / value
        change = _allocated(weight * value, asked.price, asked.held, commission, whole=whole)
        if change is None:
            return None
        adds = abs(asked.held) if asked.held * asked.side > 0 else 0.0
        exact = part * value / asked.close - adds
        how = f"{part:g} of {value:,.2f} at {asked.close:g}, commission included"
        return Sized(
            exact, abs(asked.held + change) - adds, f"{how}, in whole units" if whole else how
        )

    return sized


def _allocated(
    amount: float, price: float, held: float, commission: Commission, *, whole: bool
) -> float | None:
    """Return the units that are traded for an amount; None if that is not found.

    The host seeks the units whose outlay is the amount, and goes down from too many of them.
    """
    units = amount / price
    if whole:
        up = held > 0 or (held == 0 and amount > 0)
        units = float(floor(units) if up else ceil(units))
    if not units or units == -held:
        return units

    def outlay(q: float) -> float:
        return q * price + commission(q, price)

    for _ in range(_MOST):
        spent = outlay(units)
        if not units or isclose(spent, amount, rel_tol=_NEAR, abs_tol=1e-8):
            return units
        units -= (spent - amount) / price
        if whole:
            units = float(floor(units))
            if outlay(units) < amount:
                if outlay(units + 1) > amount:
                    return units
                units += 1
    return None
