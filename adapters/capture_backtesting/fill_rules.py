"""How Backtesting.py fills orders under its settings."""

from __future__ import annotations

from math import copysign
from typing import TYPE_CHECKING, Any

from capture.contracts.fill_rules import Asked, FillRules, Sized, at_cost

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["rules"]

_ALL = 1 - 2.220446049250313e-16
"""The fraction of an order without a size."""


def rules(settings: Mapping[str, Any]) -> FillRules:
    """Return how a run with these settings fills market orders.

    Hedging is left out of sizes: there, positions of both sides are held at once.
    """
    spread, at_close = settings.get("spread", 0.0), bool(settings.get("trade_on_close"))
    said = settings.get("commission", 0.0)
    commission = None
    if isinstance(said, (list, tuple)):
        commission = at_cost(said[1], said[0])
    elif isinstance(said, (int, float)):
        commission = at_cost(said)
    leverage = 1 / settings.get("margin", 1.0)

    def slipped(price: float, side: int, opens: bool, _bar: Mapping[str, float]) -> float:
        return price * (1 + copysign(spread, side)) if opens else price

    def sized(asked: Asked) -> Sized | None:
        size = _ALL if asked.size is None else abs(asked.size)
        if asked.size is not None and size >= 1:
            return Sized(size, float(int(size)), "units")
        if commission is None or asked.size_kind not in {None, "fraction", "target_fraction"}:
            return None
        each = asked.price + commission(1.0, asked.price)
        if isinstance(said, (list, tuple)):
            return None  # what a fixed commission is per unit depends on the size
        exact = asked.equity_at_fill * leverage * size / each
        how = f"{size:g} of {asked.equity_at_fill:,.2f} at {each:g}, in whole units"
        return Sized(exact, float(int(exact)), how)

    return FillRules(
        delay=0 if at_close else 1,
        place="close" if at_close else "open",
        slipped=slipped,
        commission=commission,
        sized=None if settings.get("hedging") else sized,
        cash=settings.get("cash"),
        finalises=bool(settings.get("finalize_trades")),
    )
