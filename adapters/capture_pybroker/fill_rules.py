"""How pybroker fills orders under its settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from capture.contracts.fill_rules import Asked, FillRules, Sized, at_cost, without_slippage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["rules"]

_OF_ACCOUNT = {None, "fraction", "target_fraction"}


def rules(settings: Mapping[str, Any]) -> FillRules | None:
    """Return how a run with these settings fills market orders.

    None where buying and selling wait for different numbers of bars. An order with a fill price of
    its own is filled at another price than this, and interest is no part of the fills.
    """
    delay = settings.get("buy_delay", 1)
    if settings.get("sell_delay", 1) != delay:
        return None
    return FillRules(
        delay=delay,
        place="middle",
        price=_middle(rounds=bool(settings.get("round_fill_price", True))),
        slipped=without_slippage if settings.get("slippage_model") is None else None,
        commission=_commission(settings.get("fee_mode"), settings.get("fee_amount")),
        sized=_sized(settings),
        cash=None if settings.get("interest_rate") else settings.get("initial_cash"),
        finalises=bool(settings.get("exit_on_last_bar")),
    )


def _middle(*, rounds: bool) -> Callable[[Mapping[str, float]], float]:
    def price(bar: Mapping[str, float]) -> float:
        nan = float("nan")
        low, high = bar.get("low", nan), bar.get("high", nan)
        middle = low + (high - low) / 2.0
        return int(middle * 100.0 + 0.5) / 100.0 if rounds and middle == middle else middle

    return price


def _commission(mode: Any, amount: Any) -> Callable[[float, float], float] | None:
    """Return what an order costs; None of a function of the user's own."""
    if mode is None or amount is None:
        return at_cost(0.0)
    said = str(mode).rpartition(".")[2].lower()
    if said == "order_percent":
        return at_cost(amount / 100)
    if said == "per_order":
        return at_cost(0.0, amount)
    if said == "per_share":
        return lambda units, _price: abs(units) * amount
    return None


def _sized(settings: Mapping[str, Any]) -> Callable[[Asked], Sized | None]:
    leverage = float(settings.get("leverage", 1.0))
    broken = bool(settings.get("enable_fractional_shares"))

    def sized(asked: Asked) -> Sized | None:
        size = 1.0 if asked.size is None else abs(asked.size)
        against = max(0.0, -asked.held * asked.side)
        if asked.size is not None and asked.size_kind == "units":
            exact, how = size - against, "units"
        elif asked.size_kind in _OF_ACCOUNT:
            # What is held short counts with the price at which it was sold.
            short = asked.cost - asked.held * asked.close if asked.held < 0 else 0.0
            equity = (asked.equity + short) * leverage
            exact = size * equity / asked.close
            how = f"{size:g} of {equity:,.2f} at {asked.close:g}"
        else:
            return None
        units = exact if broken else float(int(exact))
        if leverage <= 1 and units * asked.price > asked.cash and not asked.held:
            units = asked.cash / asked.price if broken else float(asked.cash // asked.price)
            how = f"{how}, as far as {asked.cash:,.2f} goes"
        return Sized(exact, units, how)

    return sized
