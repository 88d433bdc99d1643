"""The words that live systems use for a signal's fields, brought to one vocabulary and checked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from math import isfinite
from typing import TYPE_CHECKING, Any, Final

from capture import checks
from capture.errors import InvalidEvent
from capture.events import SignalStatus

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "ALIASES",
    "canonical_side",
    "canonical_signal",
    "canonical_status",
    "canonical_update",
    "canonical_word",
]

ALIASES: Final[Mapping[str, tuple[str, ...]]] = {
    "signal_id": ("id",),
    "strategy_id": ("strategy", "strategy_name"),
    "symbol": ("ticker", "instrument"),
    "side": ("action", "direction"),
    "entry_price": ("expected_price",),
    "target_price": ("take_profit",),
    "stop_price": ("stop_loss",),
    "requested_quantity": ("quantity", "size"),
    "executed_price": ("execution_price", "filled_price", "fill_price"),
    "executed_quantity": ("execution_quantity", "filled_quantity", "fill_quantity"),
    "signal_ns": ("timestamp", "signal_time"),
    "valid_until_ns": ("valid_until", "expires_at"),
    "submitted_ns": ("submitted_at",),
    "executed_ns": ("executed_at",),
    "commission": ("fees", "fee"),
    "reason": ("rejection_reason",),
    "at_ns": ("at",),
}
"""Other names under which a field may come; the canonical one wins the documentation."""

_CANONICAL: Final = {alias: name for name, others in ALIASES.items() for alias in others}
_SIDES: Final = {1: "buy", -1: "sell", 0: "flat"}
_IDENTITY: Final = ("signal_id", "symbol", "side", "signal_type", "strategy_id", "signal_ns")
_DECLARED: Final = "lies outside 0 to 1; declare percent with confidence_scale=100"


def canonical_word(name: str) -> str:
    """Return the canonical name of a field."""
    return _CANONICAL.get(name, name)


def canonical_signal(signal: Any, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return a signal's checked fields; those of no canonical name are under `extra`.

    Args:
        signal: a mapping, or an object with attributes.
        given: further fields, which win over the signal's own.
    """
    values = {**_renamed(_mapping_of(signal)), **_renamed(given)}
    checks.label("symbol", values.get("symbol"), required=True)
    if values.get("side") is None:
        raise InvalidEvent("side", None, "is required: buy, sell or flat (`action` is understood)")
    side = canonical_side(values["side"])
    values["side"] = side
    values["signal_type"] = str(
        checks.signal_type(_lower(values.get("signal_type")), side != "flat")
    )
    scale = values.pop("confidence_scale", None)
    if values.get("confidence") is not None:
        values["confidence"] = _confidence(values["confidence"], scale)
    return _checked(values)


def canonical_update(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the checked fields of an update; those of no canonical name are under `extra`."""
    values = _renamed(given)
    for name in _IDENTITY:
        if name in values:
            raise InvalidEvent(name, values[name], "is what the signal is, and cannot be updated")
    scale = values.pop("confidence_scale", None)
    if values.get("confidence") is not None:
        values["confidence"] = _confidence(values["confidence"], scale)
    return _checked(values)


# --- names ---------------------------------------------------------------------------------------


def _mapping_of(signal: Any) -> dict[str, Any]:
    if isinstance(signal, Mapping):
        return dict(signal)
    if hasattr(signal, "to_dict"):
        return dict(signal.to_dict())
    if is_dataclass(signal) and not isinstance(signal, type):
        return {each.name: getattr(signal, each.name) for each in fields(signal)}
    try:
        return {name: value for name, value in vars(signal).items() if name[:1] != "_"}
    except TypeError:
        raise InvalidEvent(
            "signal", signal, f"must be a mapping or an object with fields, not {type(signal)}"
        ) from None


def _renamed(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields under their canonical names; two names of one field must agree."""
    found: dict[str, Any] = {}
    for name, value in given.items():
        if not isinstance(name, str) or not name:
            raise InvalidEvent("name of a field", name, "must be a text")
        canonical = _CANONICAL.get(name, name)
        if value is None:
            continue
        if canonical in found and _told(canonical, found[canonical]) != _told(canonical, value):
            problem = f"contradicts {found[canonical]!r}, which came under another name"
            raise InvalidEvent(name, value, problem)
        found.setdefault(canonical, value)
    return found


def _told(name: str, value: Any) -> Any:
    return canonical_side(value) if name == "side" else value


# --- values --------------------------------------------------------------------------------------


def _checked(values: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    extra: dict[str, Any] = {}
    for name, value in values.items():
        check = _CHECKS.get(name)
        if value is None:
            continue
        if name == "extra" and isinstance(value, Mapping):
            extra |= value
        elif check is None:
            extra[name] = value
        else:
            found[name] = check(name, value)
    if extra:
        found["extra"] = _as_json(extra)
    return found


def _as_json(extra: Mapping[str, Any]) -> str:
    return json.dumps(
        {name: _simple(name, value) for name, value in extra.items()},
        sort_keys=True,
        separators=(",", ":"),
        allow_nan=False,
    )


def _simple(name: str, value: Any) -> Any:
    """Return a value that JSON has; what it has not is refused rather than changed."""
    if isinstance(value, Enum):
        value = value.value
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        if isfinite(value):
            return float(value)
        raise InvalidEvent(name, value, "must be finite to be kept as JSON")
    if isinstance(value, Mapping):
        return {str(key): _simple(name, each) for key, each in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        items = sorted(value, key=repr) if isinstance(value, (set, frozenset)) else value
        return [_simple(name, each) for each in items]
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if hasattr(value, "item"):  # a numpy scalar
        return _simple(name, value.item())
    try:
        return _simple(name, checks.real(name, value))
    except InvalidEvent:
        kind = type(value).__name__
        raise InvalidEvent(name, value, f"a {kind} cannot be kept; give numbers or text") from None


def canonical_side(value: Any) -> str:
    """Return buy, sell or flat for a direction or a word."""
    try:
        return _SIDES[checks.direction(value)]
    except InvalidEvent as error:
        raise InvalidEvent("side", value, error.problem) from None


def canonical_status(value: Any) -> SignalStatus:
    """Return the state that a word stands for, in whatever case it is written."""
    return SignalStatus(checks.status(_lower(value)))


def _lower(value: Any) -> Any:
    return value.lower() if type(value) is str else value


def _confidence(value: Any, scale: Any) -> float:
    number = _finite("confidence", value)
    if scale is not None:
        if scale not in (1, 100):
            raise InvalidEvent("confidence_scale", scale, "must be 1 or 100")
        number /= scale
    if not 0 <= number <= 1:
        declared = f"is not within 0 to {scale}" if scale is not None else _DECLARED
        raise InvalidEvent("confidence", value, declared)
    return number


def _finite(field: str, value: Any) -> float:
    number = checks.real(field, value)
    if number is None or not isfinite(number):
        raise InvalidEvent(field, value, "must be a finite number")
    if type(value).__name__ == "Decimal" and type(value)(repr(number)) != value:
        raise InvalidEvent(field, value, "has more digits than a double keeps; round it first")
    return number


def _positive(field: str, value: Any) -> float:
    number = _finite(field, value)
    if number <= 0:
        raise InvalidEvent(field, value, "must be more than 0; the side says which way")
    return number


def _label(field: str, value: Any) -> str:
    return str(checks.label(field, value, required=True))


def _text(field: str, value: Any) -> str:
    if isinstance(value, Enum):
        value = value.value
    if not isinstance(value, str):
        raise InvalidEvent(field, value, "must be a text")
    if "\0" in value or value != value.encode("utf-8", "ignore").decode():
        raise InvalidEvent(field, value, "has a character that databases cannot keep")
    return str(value)


def _same(_field: str, value: Any) -> Any:
    return value


_CHECKS: Final[Mapping[str, Callable[[str, Any], Any]]] = {
    **dict.fromkeys(
        ("signal_id", "run_id", "strategy_id", "symbol", "timeframe", "order_id", "fill_id"), _label
    ),
    **dict.fromkeys(("regime", "reason", "actor"), _text),
    **dict.fromkeys(("strength", "quality_score", "commission"), _finite),
    # A spread or a future may cost less than nothing.
    **dict.fromkeys(
        ("entry_price", "target_price", "stop_price", "submitted_price", "executed_price"), _finite
    ),
    **dict.fromkeys(("requested_quantity", "executed_quantity"), _positive),
    **dict.fromkeys(
        ("signal_ns", "submitted_ns", "executed_ns", "valid_until_ns", "at_ns"), checks.time_ns
    ),
    **dict.fromkeys(("side", "signal_type", "confidence"), _same),
}
