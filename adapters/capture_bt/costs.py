"""What a commission function of bt comes to, where that can be said without disturbing it."""

from __future__ import annotations

import builtins
import dis
from math import isclose
from types import FunctionType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["costs_of"]

_PURE: Final = frozenset({"abs", "float", "int", "max", "min", "round"})
_KEEPS: Final = frozenset(
    {"STORE_ATTR", "STORE_DEREF", "STORE_GLOBAL", "STORE_SUBSCR", "LOAD_ATTR", "LOAD_METHOD"}
    | {"DELETE_ATTR", "DELETE_DEREF", "DELETE_GLOBAL", "DELETE_SUBSCR", "IMPORT_NAME"}
)
"""What a function that only reckons has no use for."""

_TRIED: Final = ((10.0, 600.0), (-10.0, 600.0), (-3.0, 0.25), (2e4, 1.1), (0.125, 37.5))


def costs_of(function: Callable[[float, float], float]) -> dict[str, float] | None:
    """Return an amount per trade, per unit and as a part of the value; None if it is none of them.

    A function is asked only if asking leaves no trace: it reckons with its arguments and with
    numbers, and keeps nothing.
    """
    if not _only_reckons(function):
        return None
    try:
        one, dearer, two = function(1.0, 1.0), function(1.0, 2.0), function(2.0, 1.0)
        rate = dearer - one
        said = {
            "fixed": _plain(2 * one - two),
            "per_unit": _plain(two - one - rate),
            "rate": _plain(rate),
        }
        same = all(isclose(function(*at), _cost(said, *at), rel_tol=1e-9) for at in _TRIED)
    except (ArithmeticError, TypeError, ValueError):
        return None
    return said if same else None


def _only_reckons(function: Any) -> bool:
    if not isinstance(function, FunctionType) or function.__kwdefaults__:
        return False
    held = [cell.cell_contents for cell in function.__closure__ or ()]
    read = [
        function.__globals__.get(name, getattr(builtins, name, None))
        for name in function.__code__.co_names
    ]
    reckons = [getattr(builtins, name) for name in _PURE]
    return (
        all(isinstance(one, (int, float)) for one in (*held, *(function.__defaults__ or ())))
        and all(isinstance(one, (int, float)) or one in reckons for one in read)
        and not any(step.opname in _KEEPS for step in dis.get_instructions(function))
    )


def _plain(number: float) -> float:
    """Return a number without what taking differences left at its end."""
    return 0.0 if abs(number) < 1e-12 else float(f"{number:.12g}")


def _cost(said: dict[str, float], units: float, price: float) -> float:
    return said["fixed"] + abs(units) * (said["per_unit"] + price * said["rate"])
