"""How zipline fills orders under its settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from capture.contracts.fill_rules import Asked, FillRules, Sized, at_cost, without_slippage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Slipped = Callable[[float, int, bool, Mapping[str, float]], float]

__all__ = ["rules"]


def rules(settings: Mapping[str, Any]) -> FillRules | None:
    """Return how a run fills market orders of equities; None with a blotter of one's own.

    An order is filled at the close of the bar after the one at which it was given. The impact of
    an order on its price, which follows from the volume, is left out.
    """
    if settings.get("blotter") != "SimulationBlotter":
        return None
    return FillRules(
        delay=1,
        place="close",
        slipped=_slipped(settings.get("slippage[Equity]")),
        commission=_commission(settings.get("commission[Equity]")),
        sized=_sized,
        cash=settings.get("capital_base"),
    )


def _slipped(said: Any) -> Slipped | None:
    if not isinstance(said, dict):
        return None
    if said.get("class") == "NoSlippage":
        return without_slippage
    if said.get("class") == "FixedSlippage":
        spread = float(said["spread"])
        return lambda price, side, _opens, _bar: price + (spread / 2.0 * side)
    if said.get("class") == "FixedBasisPointsSlippage":
        part = float(said["percentage"])
        return lambda price, side, _opens, _bar: price + price * (part * side)
    return None


def _commission(said: Any) -> Callable[[float, float], float] | None:
    """Return what an order costs that is filled at once; a minimum is one of the whole order."""
    if not isinstance(said, dict):
        return None
    kind = said.get("class")
    if kind == "NoCommission":
        return at_cost(0.0)
    if kind == "PerDollar":
        return at_cost(float(said["cost_per_dollar"]))
    if kind == "PerTrade":
        return at_cost(0.0, float(said["cost"]))
    if kind == "PerShare":
        each, least = float(said["cost_per_share"]), float(said["min_trade_cost"] or 0.0)
        return lambda units, _price: max(least, abs(units * each))
    return None


def _sized(asked: Asked) -> Sized | None:
    if asked.size is None:
        return None
    size = abs(asked.size)
    if asked.size_kind in {"units", "target"}:
        return Sized(size, _whole(size), "units")
    if asked.size_kind in {"fraction", "target_fraction"}:
        exact = size * asked.equity / asked.close
        how = f"{size:g} of {asked.equity:,.2f} at {asked.close:g}, in whole units"
        return Sized(exact, _whole(exact), how)
    if asked.size_kind == "value":
        exact = size / asked.close
        return Sized(exact, _whole(exact), f"{size:,.2f} at {asked.close:g}, in whole units")
    return None


def _whole(units: float) -> float:
    """Return whole shares: what is very near to a whole number is that one."""
    near = round(units)
    return float(near if abs(units - near) <= 1e-4 else int(units))
