"""How backtrader fills orders under its settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from capture.contracts.fill_rules import Asked, FillRules, Sized, at_cost

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["rules"]

_OF_ACCOUNT = {"fraction", "target_fraction"}


def rules(settings: Mapping[str, Any]) -> FillRules | None:
    """Return how a run with these settings fills market orders; None with a broker of one's own.

    An order at the close of its own bar (`coc`) is filled a bar later at that price, so its price
    is left to the recorded bar; orders of the open (`cheat_on_open`) are not told apart.
    """
    if settings.get("broker") != "BackBroker" or settings.get("cheat_on_open"):
        return None
    slip = None if settings.get("coc") else _slipped(settings)
    return FillRules(
        delay=1,
        place="open",
        slipped=slip,
        commission=_commission(settings.get("commission")),
        sized=_sized(settings),
        cash=settings.get("cash"),
    )


def _slipped(
    settings: Mapping[str, Any],
) -> Callable[[float, int, bool, Mapping[str, float]], float] | None:
    part, fixed = (float(settings.get(name, 0.0)) for name in ("slip_perc", "slip_fixed"))
    slips = settings.get("slip_open", False)

    def slipped(price: float, side: int, _opens: bool, bar: Mapping[str, float]) -> float:
        if not slips or not (part or fixed):
            return price
        paid = price * (1 + side * part) if part else price + side * fixed
        if settings.get("slip_out"):
            return paid
        return min(paid, bar["high"]) if side > 0 else max(paid, bar["low"])

    return slipped


def _commission(said: Any) -> Callable[[float, float], float] | None:
    """Return the commission of shares; of futures, and of schemes of one's own, None."""
    if not isinstance(said, dict) or said.get("margin") or said.get("mult", 1.0) != 1.0:
        return None
    if said.get("class") not in {"CommInfoBase", "CommissionInfo"}:
        return None
    rate, share = said.get("commission", 0.0), bool(said.get("percabs"))
    if said.get("commtype") == 1:  # per unit
        return lambda units, _price: abs(units) * rate
    return at_cost(rate if share else rate / 100)


def _sized(settings: Mapping[str, Any]) -> Callable[[Asked], Sized | None]:
    said = settings.get("sizer") or {}
    sizer, args = said.get("sizer", "FixedSize"), said.get("args", ())

    def sized(asked: Asked) -> Sized | None:
        size = None if asked.size is None else abs(asked.size)
        if size is not None and asked.size_kind in {"units", "target"}:
            return Sized(size, size, "units")
        if size is not None and asked.size_kind in _OF_ACCOUNT:
            exact = size * asked.equity / asked.close
            how = f"{size:g} of {asked.equity:,.2f} at {asked.close:g}, in whole units"
            return Sized(exact, float(int(exact)), how)
        if size is None and sizer in {"FixedSize", "SizerFix"} and not args:
            stake = float(said.get("stake", 1))
            return Sized(stake, stake, f"the sizer's {stake:g}")
        return None

    return sized
