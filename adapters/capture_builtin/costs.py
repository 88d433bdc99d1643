"""What a fill pays: slippage and commission, the product's own and those of plugins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from capture.study.portfolio.arithmetic import commission_of, fill_price

if TYPE_CHECKING:
    from capture.study.portfolio.settings import PortfolioSettings

__all__ = ["Commission", "Slippage", "built_in_commission", "built_in_slippage"]


class Slippage(Protocol):
    """Says what a fill pays where the market says a price."""

    def __call__(self, price: float, side: float, /) -> float:
        """Return the price that is paid; side is 1 for what buys and -1 for what sells."""
        ...


class Commission(Protocol):
    """Says what a fill costs."""

    def __call__(self, units: float, price: float, /) -> float:
        """Return the cost of so many units, without a sign, at a price."""
        ...


def built_in_slippage(settings: PortfolioSettings) -> Slippage:
    """Return the slippage that the settings name."""
    fraction, fixed = settings.slippage_fraction, settings.slippage_fixed

    def slipped(price: float, side: float) -> float:
        return fill_price(price, side, fraction, fixed)

    return slipped


def built_in_commission(settings: PortfolioSettings) -> Commission:
    """Return the commission that the settings name."""
    per_order, per_unit = settings.commission_per_order, settings.commission_per_unit
    rate, minimum = settings.commission_rate, settings.commission_minimum

    def charged(units: float, price: float) -> float:
        return commission_of(units, price, per_order, per_unit, rate, minimum)

    return charged
