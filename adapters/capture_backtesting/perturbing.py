"""Runs under settings that are not the user's, to see whether the strategy's signals change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from capture.contracts.perturbing import rehearsal
from capture_backtesting.facts import host_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from backtesting.backtesting import Backtest

__all__ = ["PERTURBATIONS", "settings_of_run"]


def settings_of_run(strategy: Any, backtest: Backtest) -> dict[str, Any]:
    """Return the settings of a run that begins; on rehearsal, after one of them was perturbed."""
    wanted = rehearsal()
    if wanted is None or wanted.perturbation is None or hasattr(strategy, "replay_source"):
        return host_settings(backtest)
    broker, change = strategy._broker, _CHANGES[wanted.perturbation.name]
    keywords = backtest._broker.keywords
    changed = change(keywords, wanted.perturbation.amount)
    # The host has made the broker already, and the strategy has it; nothing has happened yet.
    broker.__init__(data=strategy._data, **{**keywords, **changed})
    return host_settings(backtest, **changed)


def _more_cash(settings: Mapping[str, Any], amount: float) -> dict[str, Any]:
    return {"cash": settings["cash"] * amount}


def _more_commission(settings: Mapping[str, Any], amount: float) -> dict[str, Any]:
    usual = settings["commission"]
    if callable(usual):

        def commission(size: float, price: float) -> float:
            return float(usual(size, price)) + abs(size) * price * amount

        return {"commission": commission}
    fixed, relative = usual if isinstance(usual, tuple) else (0, usual)
    more = min(relative + amount, _MOST_COMMISSION)
    return {"commission": (fixed, more) if fixed else more}


def _more_spread(settings: Mapping[str, Any], amount: float) -> dict[str, Any]:
    return {"spread": settings["spread"] + amount}


def _other_moment(settings: Mapping[str, Any], _amount: float) -> dict[str, Any]:
    return {"trade_on_close": not settings["trade_on_close"]}


_MOST_COMMISSION: Final = 0.099
"""The host refuses a tenth and more."""

_CHANGES: Final[Mapping[str, Callable[[Mapping[str, Any], float], dict[str, Any]]]] = {
    "cash": _more_cash,
    "little_cash": _more_cash,
    "commission": _more_commission,
    "slippage": _more_spread,
    "fill_on_close": _other_moment,
}
PERTURBATIONS: Final = tuple(_CHANGES)
