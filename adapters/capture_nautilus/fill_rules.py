"""How NautilusTrader fills orders under its settings."""

from __future__ import annotations

from math import copysign, floor
from typing import TYPE_CHECKING, Any, Final

from capture.contracts.fill_rules import Asked, FillRules, Sized, without_slippage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["rules"]

_AT_THE_CLOSE: Final = frozenset({"FillModel", "BestPriceFillModel"})
"""Models that fill at the price of the book; the first of them as far as its volume goes."""

_OF_VENUE: Final = (
    "account_type", "bar_execution", "fee_model", "fill_model", "latency_model",
    "starting_balances",
)  # fmt: skip


def rules(settings: Mapping[str, Any]) -> FillRules | None:
    """Return how a run on bars fills market orders; None where that cannot be said.

    An order that a strategy gives at a bar is filled at once, at the last price of that bar. What
    exceeds a quarter of the volume of the bar is filled a tick further, unless the fill model has
    it otherwise; it stays unexplained. So do orders that come late, by a model of latency, and the
    amounts of venues, currencies or instruments that differ.
    """
    venues = {name.partition(".")[0] for name in settings if name.endswith(".account_type")}
    if len(venues) != 1:
        return None
    venue = {name: settings.get(f"{next(iter(venues))}.{name}") for name in _OF_VENUE}
    if venue["latency_model"] is not None or not venue["bar_execution"]:
        return None
    traded = [said for said in settings.values() if isinstance(said, dict) and "taker_fee" in said]
    money = _money(venue["starting_balances"])
    plain = all(said.get("multiplier") == "1" for said in traded)
    return FillRules(
        delay=0,
        place="close",
        slipped=without_slippage if _at_the_close(venue["fill_model"]) else None,
        commission=_commission(venue["fee_model"], traded, money[1]) if plain and money else None,
        sized=_sized({said.get("size_precision") for said in traded}),
        cash=money[0] if plain and money else None,
        booked=_rounded(money[1]) if money and venue["account_type"] == "MARGIN" else None,
    )


def _class(model: Any) -> Any:
    return model.get("class") if isinstance(model, dict) else model


def _at_the_close(model: Any) -> bool:
    slips = model.get("prob_slippage", 0.0) if isinstance(model, dict) else 0.0
    return _class(model) in _AT_THE_CLOSE and not slips


def _money(balances: Any) -> tuple[float, int] | None:
    """Return what an account of one currency begins with, and the decimals of that currency."""
    if not isinstance(balances, list) or len(balances) != 1:
        return None
    amount = str(balances[0]).partition(" ")[0].replace("_", "").replace(",", "")
    return float(amount), len(amount.partition(".")[2])


def _rounded(decimals: int) -> Callable[[float], float]:
    """Return how an amount of money becomes one: halves are rounded away from zero."""
    scale = 10**decimals

    def rounded(amount: float) -> float:
        return copysign(floor(abs(amount) * scale + 0.5) / scale, amount)

    return rounded


def _commission(
    model: Any, traded: list[dict[str, Any]], decimals: int
) -> Callable[[float, float], float] | None:
    """Return the commission of a taker; every amount of money is rounded to its decimals."""
    rates = {float(said["taker_fee"]) for said in traded}
    if _class(model) != "MakerTakerFeeModel" or len(rates) != 1:
        return None
    rate, rounded = rates.pop(), _rounded(decimals)

    def commission(units: float, price: float) -> float:
        return rounded(rounded(abs(units) * price) * rate)

    return commission


def _sized(precisions: set[Any]) -> Callable[[Asked], Sized | None] | None:
    if len(precisions) != 1:
        return None
    digits = int(precisions.pop() or 0)

    def sized(asked: Asked) -> Sized | None:
        if asked.size is None or asked.size_kind not in {"units", "target"}:
            return None
        exact = abs(asked.size)
        return Sized(exact, round(exact, digits), "units")

    return sized
