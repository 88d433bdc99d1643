"""The settings of a call, as a person reads them, and what a reader must know of it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from vectorbt.portfolio.enums import OppositeEntryMode
from vectorbt.utils.enum_ import map_enum_fields

if TYPE_CHECKING:
    from collections.abc import Mapping

    from capture_vectorbt.calls import Call

__all__ = ["effective", "flags_of", "unseen_in"]

_SIGNALS: Final = ("close", "entries", "exits", "short_entries", "short_exits")
_DECIDING: Final = ("order_func_nb", "signal_func_nb", "adjust_sl_func_nb", "adjust_tp_func_nb")
_UNSEEN: Final = "it runs inside the compiled simulation, where nobody can listen"


def effective(call: Call) -> dict[str, Any]:
    """Return the settings in effect: as given, else as vectorbt's global settings had them."""
    given = {k: v for k, v in call.arguments.items() if v is not None and k not in _SIGNALS}
    shown = {name: _shown(value) for name, value in {**call.defaults, **given}.items()}
    return {"constructor": call.outer, **dict(sorted(shown.items()))}


def _shown(value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    shape = np.shape(value) if hasattr(value, "shape") else None
    if shape is not None:
        return f"{type(value).__name__}{list(shape)}"
    if isinstance(value, dict):
        return {str(k): _shown(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_shown(part) for part in value]
    return getattr(value, "__qualname__", None) or type(value).__qualname__


def unseen_in(call: Call) -> list[str]:
    """Return the arguments of a call that decide inside the compiled simulation."""
    return [name for name in _DECIDING if call.given.get(name) is not None]


def flags_of(call: Call, unkept: Mapping[str, str]) -> dict[str, Any]:
    """Return the flags of a run."""
    flags: dict[str, Any] = {"one_call": True, "one_sided_exits": True}
    opposite = _opposite(call)
    if opposite is not None:
        flags["opposite_entries"] = opposite
    unseen = dict.fromkeys(unseen_in(call), _UNSEEN)
    if unseen:
        flags["not_captured"] = unseen
    if unkept:
        flags["not_kept"] = dict(unkept)
    chance = call.arguments.get("reject_prob", call.defaults.get("reject_prob"))
    seed = call.arguments.get("seed", call.defaults.get("seed"))
    if seed is None and chance is not None and np.any(np.asarray(chance) != 0):
        flags["random_without_seed"] = True
    return flags


def _opposite(call: Call) -> str | None:
    """Return what entries against the position are, if it is one thing and does not turn it."""
    word: Any = call.arguments.get("upon_opposite_entry", call.defaults.get("upon_opposite_entry"))
    if call.constructor != "from_signals" or np.ndim(word):
        return None
    mode = map_enum_fields(word, OppositeEntryMode)
    return {
        OppositeEntryMode.Ignore: "ignore",
        OppositeEntryMode.Close: "close",
        OppositeEntryMode.CloseReduce: "close",
    }.get(mode)
