"""How the built-in backtester fills orders under its settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from capture.contracts.fill_rules import Asked, FillRules, Sized
from capture.study.portfolio.arithmetic import SLACK, commission_of, fill_price

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["rules"]


def rules(settings: Mapping[str, Any]) -> FillRules:
    """Return how a portfolio with these settings fills market orders.

    Stages of one's own stand in the settings by name; what they do cannot be said.
    """
    fraction, fixed = settings["slippage_fraction"], settings["slippage_fixed"]
    costs = tuple(
        settings[f"commission_{name}"] for name in ("per_order", "per_unit", "rate", "minimum")
    )

    def slipped(price: float, side: int, _opens: bool, _bar: Mapping[str, float]) -> float:
        return fill_price(price, side, fraction, fixed)

    def commission(units: float, price: float) -> float:
        return commission_of(abs(units), price, *costs)

    at_close = settings["fill"] == "close"
    return FillRules(
        delay=0 if at_close else 1,
        place="close" if at_close else "open",
        slipped=None if "slippage" in settings else slipped,
        commission=None if "commission" in settings else commission,
        sized=_sized(settings),
        cash=settings["cash"],
    )


def _sized(settings: Mapping[str, Any]) -> Any:
    sizer, part, lot = settings["sizer"], settings["size"], settings["lot"]

    def sized(asked: Asked) -> Sized | None:
        if asked.size is not None and asked.size_kind in {"units", "target"}:
            exact, how = abs(asked.size), "units"
        elif sizer == "units":
            exact, how = part, f"the sizer's {part:g}"
        elif sizer == "value":
            exact, how = part / asked.close, f"{part:,.2f} at {asked.close:g}"
        elif sizer == "equity_fraction":
            exact = part * asked.equity / asked.close
            how = f"{part:g} of {asked.equity:,.2f} at {asked.close:g}"
        else:
            return None
        units = float(int(exact / lot + SLACK)) * lot if lot else exact
        return Sized(exact, units, how)

    return None if settings["by_strength"] else sized
