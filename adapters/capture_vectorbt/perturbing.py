"""Calls under a setting that is not the user's, while `capture check-replay` rehearses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from capture.contracts.perturbing import rehearsal
from capture_vectorbt.calls import defaults_of, names_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["PERTURBATIONS", "perturbed"]

_CASH: Final = "init_cash"

_HANDING_ON: Final = ("from_holding", "from_random_signals")
"""Constructors that hand what they do not know to `from_signals`."""


def perturbed(constructor: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments that a rehearsal perturbs; outside of one, and mostly, none."""
    wanted = rehearsal()
    if wanted is None or wanted.perturbation is None:
        return {}
    name, change = _CHANGES[wanted.perturbation.name]
    usual = _usual(constructor, name, arguments)
    if usual is None or isinstance(usual, str) or (name == _CASH and _found_out(usual)):
        return {}
    known = usual if hasattr(usual, "dtype") or np.isscalar(usual) else np.asarray(usual)
    return {name: change(known, wanted.perturbation.amount)}


def _usual(constructor: str, name: str, arguments: Mapping[str, Any]) -> Any:
    """Return the value of a setting that a constructor takes; None if it takes none such."""
    from vectorbt.portfolio.base import Portfolio

    taking = "from_signals" if constructor in _HANDING_ON else constructor
    if name not in names_of(getattr(Portfolio, taking)):
        return None
    given = arguments.get(name)
    return defaults_of(taking, (name,)).get(name) if given is None else given


def _found_out(cash: Any) -> bool:
    """Say whether the cash is that which is enough, which the host finds out."""
    from vectorbt.portfolio.enums import InitCashMode

    return isinstance(cash, int) and cash in InitCashMode


def _times(value: Any, amount: float) -> Any:
    return value * amount


def _plus(value: Any, amount: float) -> Any:
    return value + amount


_CHANGES: Final[Mapping[str, tuple[str, Callable[[Any, float], Any]]]] = {
    "cash": (_CASH, _times),
    "little_cash": (_CASH, _times),
    "commission": ("fees", _plus),
    "slippage": ("slippage", _plus),
}
PERTURBATIONS: Final = tuple(_CHANGES)
