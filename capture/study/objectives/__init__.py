"""Objectives: how well a portfolio did, as an observer of its events or from arrays."""

from __future__ import annotations

from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from capture.contracts.info import ObjectiveInfo
from capture.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from capture.study.objectives.observing import Objective

__all__ = ["DEFAULT", "objective", "register_objectives"]

DEFAULT: Final = (
    "total_return",
    "max_drawdown",
    "sharpe",
    "sortino",
    "cagr",
    "calmar",
    "profit_factor",
    "win_rate",
)
"""What is computed where nothing else is asked for."""

_BUILT_IN: Final = {
    "total_return": ("returns", "TotalReturn", "worth at the end against the cash at the start"),
    "max_drawdown": ("returns", "MaxDrawdown", "deepest fall below a peak, over all steps"),
    "sharpe": ("returns", "Sharpe", "mean return over its spread, a year"),
    "sortino": ("returns", "Sortino", "mean return over the spread of losses, a year"),
    "cagr": ("returns", "Cagr", "what a year earned, compounded"),
    "calmar": ("returns", "Calmar", "what a year earned over the deepest drawdown"),
    "profit_factor": ("trades", "ProfitFactor", "what trades won over what they lost"),
    "win_rate": ("trades", "WinRate", "share of the trades that won"),
}


def _load(module: str, name: str) -> Any:
    return getattr(import_module(f"{__name__}.{module}"), name)


@hookimpl
def register_objectives() -> Iterator[ObjectiveInfo]:
    """Offer the objectives that come with the product."""
    for name, (module, kind, summary) in _BUILT_IN.items():
        yield ObjectiveInfo(name, load=partial(_load, module, kind), summary=summary)


def objective(name: str) -> type[Objective]:
    """Return the class of an objective by its name; those of plugins, too.

    Raises:
        UnknownName: none is called so.
    """
    from capture.host import get_host

    found: type[Objective] = get_host().objective(name)
    return found
