"""Runs under settings that are not the user's, to see whether the strategy's signals change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pybroker.common import to_decimal
from pybroker.portfolio import Portfolio

from capture.contracts.perturbing import rehearsal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["PERTURBATIONS", "perturb"]


def perturb(portfolio: Any) -> dict[str, Any]:
    """On rehearsal, change a setting of a portfolio that has not traded; return it as it is then.

    The host has made the portfolio, and marked it up to the first bar that an execution sees.
    """
    wanted = rehearsal()
    if wanted is None or wanted.perturbation is None or portfolio.orders:
        return {}
    change = _CHANGES.get(wanted.perturbation.name)
    return {} if change is None else change(portfolio, wanted.perturbation.amount)


def _more_cash(portfolio: Any, amount: float) -> dict[str, Any]:
    cash = portfolio.cash * to_decimal(amount)
    portfolio.cash = portfolio.equity = portfolio.market_value = cash
    portfolio._initial_market_value = cash
    return {"initial_cash": float(cash)}


def _more_commission(portfolio: Any, amount: float) -> dict[str, Any]:
    mode, usual = portfolio._fee_mode, portfolio._fee_amount
    own = Portfolio(1, mode, None if usual is None else float(usual))
    share = to_decimal(amount)

    def fees(info: Any) -> Any:
        paid = own._calculate_fees(info.symbol, info.fill_price, info.shares, info.order_type)
        return paid + info.fill_price * info.shares * share

    portfolio._fee_mode = fees
    portfolio._fee_amount = to_decimal(0) if usual is None else usual
    return {"fee_mode": f"{mode} and {amount} of the value"}


_CHANGES: Final[Mapping[str, Callable[[Any, float], dict[str, Any]]]] = {
    "cash": _more_cash,
    "little_cash": _more_cash,
    "commission": _more_commission,
}
PERTURBATIONS: Final = tuple(_CHANGES)
