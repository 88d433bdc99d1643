"""Runs under settings that are not the user's, to see whether the strategy's signals change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bt.core import StrategyBase

from capture.contracts.perturbing import rehearsal

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["PERTURBATIONS", "perturbed"]

PERTURBATIONS: Final = ("cash", "little_cash", "commission", "slippage")
"""The host fills at the prices that a decision saw, and knows no other moment."""


def perturbed(
    strategy: Any, backtest: Any, universe: Any, kwargs: dict[str, Any]
) -> tuple[dict[str, Any], Callable[[], None]]:
    """On rehearsal, change one setting of a run that is being set up.

    Returns:
        The further data of the backtest, and what puts it back as it was.
    """
    wanted = rehearsal()
    if wanted is None or wanted.perturbation is None:
        return kwargs, _nothing
    name, amount = wanted.perturbation.name, wanted.perturbation.amount
    if name in {"cash", "little_cash"}:
        usual = backtest.initial_capital
        backtest.initial_capital = usual * amount
        return kwargs, lambda: setattr(backtest, "initial_capital", usual)
    if name == "commission":
        _more_commission(strategy, amount)
        return kwargs, _nothing
    further = backtest.additional_data
    spread = kwargs.get("bidoffer")
    more = universe * (2.0 * amount)
    kwargs = {**kwargs, "bidoffer": more if spread is None else spread + more}
    backtest.additional_data = kwargs
    return kwargs, lambda: setattr(backtest, "additional_data", further)


def _nothing() -> None:
    """Put nothing back: the strategy is the backtest's own copy."""


def _more_commission(node: Any, amount: float) -> None:
    usual = node.commission_fn
    plain = getattr(usual, "__func__", None) is StrategyBase._dflt_comm_fn

    def commission(q: float, p: float) -> float:
        more = abs(q) * p * amount
        return more if plain else float(usual(q, p)) + more

    node.commission_fn = commission
    for child in node._childrenv:
        if isinstance(child, StrategyBase):
            _more_commission(child, amount)
