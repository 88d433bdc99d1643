"""The calls of a strategy that are recorded, and their arguments by name."""

from __future__ import annotations

from typing import Any, Final

from nautilus_trader.model.enums import PositionSide

__all__ = ["VERBS", "bound"]

_PARAMETERS: Final[dict[str, tuple[tuple[str, Any], ...]]] = {
    "submit_order": (("order", None), ("position_id", None), ("client_id", None), ("params", None)),
    "submit_order_list": (
        ("order_list", None), ("position_id", None), ("client_id", None), ("params", None),
    ),
    "modify_order": (
        ("order", None), ("quantity", None), ("price", None), ("trigger_price", None),
        ("client_id", None), ("params", None),
    ),
    "cancel_order": (("order", None), ("client_id", None), ("params", None)),
    "cancel_orders": (("orders", None), ("client_id", None), ("params", None)),
    "cancel_all_orders": (
        ("instrument_id", None), ("order_side", None), ("client_id", None), ("params", None),
    ),
    "close_position": (
        ("position", None), ("client_id", None), ("tags", None), ("time_in_force", None),
        ("reduce_only", None), ("params", None),
    ),
    "close_all_positions": (
        ("instrument_id", None), ("position_side", PositionSide.NO_POSITION_SIDE),
        ("client_id", None), ("tags", None), ("time_in_force", None), ("reduce_only", None),
        ("params", None),
    ),
}  # fmt: skip
VERBS: Final = tuple(_PARAMETERS)
_DEFAULTS: Final = {verb: dict(parameters) for verb, parameters in _PARAMETERS.items()}
_NAMES: Final = {verb: tuple(given) for verb, given in _DEFAULTS.items()}


def bound(verb: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of a call by name; the host says nothing of its own defaults."""
    given = _DEFAULTS[verb].copy()
    if len(args) == 1 and not kwargs:
        given[_NAMES[verb][0]] = args[0]
        return given
    for name, value in zip(_NAMES[verb], args, strict=False):
        given[name] = value
    if kwargs:
        given.update(kwargs)
    return given
