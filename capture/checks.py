"""What a field may hold: every check names the field and the value that broke it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from enum import Enum
from math import isfinite
from typing import TYPE_CHECKING, Any, Final, SupportsFloat, SupportsIndex

from capture.errors import InvalidEvent, did_you_mean
from capture.events import SignalStatus, SignalType

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "bar_index",
    "direction",
    "label",
    "real",
    "references",
    "signal_type",
    "status",
    "strength",
    "time_ns",
]

_REFERENCE: Final = "must be a list of (symbol, timeframe, bar index)"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TIME_RANGE: Final = range(-(2**63) + 1, 2**63)
_LONGEST_NAME: Final = 500

_MOST_SAFE: Final = 10_000
_SAFE: Final[set[str]] = set()
"""Names that were found safe before: the same few come with every signal."""

_SIGNAL_TYPES: Final = frozenset(kind.value for kind in SignalType)

_DIRECTIONS: Final[Mapping[object, int]] = {
    "long": 1,
    "buy": 1,
    "up": 1,
    "short": -1,
    "sell": -1,
    "down": -1,
    "flat": 0,
    "exit": 0,
    "close": 0,
    "hold": 0,
}


def direction(value: Any) -> int:
    """Return -1, 0 or 1 for a number or for a word such as ``"long"``."""
    if type(value) is int and -1 <= value <= 1:
        return value
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, str):
        word = value.lower()
        if word in _DIRECTIONS:
            return _DIRECTIONS[word]
        known = [str(name) for name in _DIRECTIONS]
        hint = did_you_mean(word, known)
        raise InvalidEvent("direction", value, f"use 1, -1, 0 or a word such as 'long'.{hint}")
    if isinstance(value, (SupportsFloat, SupportsIndex)) and not isinstance(value, bool):
        number = real("direction", value)
        if number in (-1, 0, 1):
            return int(number)
    raise InvalidEvent("direction", value, "use 1, -1, 0 or a word such as 'long'")


def strength(value: Any) -> float | None:
    """Return a finite number, or None where the strategy gave none."""
    if type(value) is float and isfinite(value):
        return value
    number = real("strength", value)
    if number is not None and not isfinite(number):
        raise InvalidEvent("strength", value, "must be a finite number, or None if there is none")
    return number


def real(field: str, value: Any) -> float | None:
    """Return a number as a float; None stays None, and NaN stays NaN."""
    if type(value) is float or value is None:
        return value
    if isinstance(value, (SupportsFloat, SupportsIndex)) and not isinstance(value, (bool, str)):
        try:
            return float(value)
        except (TypeError, ValueError, ArithmeticError) as exc:
            raise InvalidEvent(field, value, "must be a number") from exc
    raise InvalidEvent(field, value, f"must be a number, not {type(value).__name__}")


def bar_index(value: Any) -> int | None:
    """Return the number of a bar, counted from 0."""
    if value is None:
        return None
    if type(value) is int:  # asking for the protocol costs a microsecond
        number = value
    elif isinstance(value, SupportsIndex) and not isinstance(value, bool):
        number = value.__index__()
    else:
        number = -1
    if 0 <= number < 2**63:
        return number
    raise InvalidEvent("bar_index", value, "must be a whole number of at least 0")


def references(value: Any) -> str:
    """Return the other bars that a signal looked at, as JSON: [[symbol, timeframe, bar], ...]."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError as exc:
            raise InvalidEvent("references", value, "is not JSON") from exc
    if isinstance(value, (list, tuple)):
        try:
            found = [
                [label("references", symbol, required=True), label("references", timeframe), bar]
                for symbol, timeframe, bar in value
                if bar_index(bar) is not None
            ]
        except (TypeError, ValueError) as exc:
            raise InvalidEvent("references", value, _REFERENCE) from exc
        return json.dumps([[s, t, int(b)] for s, t, b in found], ensure_ascii=False)
    raise InvalidEvent("references", value, _REFERENCE)


def time_ns(field: str, value: Any) -> int:
    """Return nanoseconds since 1970 in UTC for an aware time, or for such a number."""
    if type(value) is int:
        number = value
    elif isinstance(value, datetime):
        if value.tzinfo is None:
            raise InvalidEvent(
                field, value, "has no time zone; use for example datetime.now(timezone.utc)"
            )
        number = _aware_ns(field, value)
    elif isinstance(value, SupportsIndex) and not isinstance(value, bool):
        number = value.__index__()
    else:
        raise InvalidEvent(
            field, value, "must be a datetime with a time zone, or nanoseconds since 1970"
        )
    if number not in _TIME_RANGE:
        raise InvalidEvent(field, value, "lies outside the years that nanoseconds can count")
    return number


def _aware_ns(field: str, value: datetime) -> int:
    as_unit = getattr(value, "as_unit", None)
    if as_unit is not None:  # a pandas.Timestamp, which counts nanoseconds itself
        try:
            return int(as_unit("ns").value)
        except (ValueError, OverflowError) as exc:
            raise InvalidEvent(
                field, value, "lies outside the years that nanoseconds can count"
            ) from exc
    since = value - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000_000 + since.microseconds * 1_000


def label(field: str, value: Any, *, required: bool = False) -> str | None:
    """Return a name that is safe to keep and to show: no control characters, no path tricks."""
    if value is None and not required:
        return None
    if type(value) is str and value in _SAFE:
        return value
    if isinstance(value, Enum):
        value = value.value
    if not isinstance(value, str):
        raise InvalidEvent(field, value, "must be a text" + (" and is required" * required))
    if not value or len(value) > _LONGEST_NAME:
        raise InvalidEvent(field, value, f"must have 1 to {_LONGEST_NAME} characters")
    if any(not character.isprintable() for character in value):
        raise InvalidEvent(field, value, "has a character that cannot be printed")
    if ".." in value.replace("\\", "/").split("/") or value.startswith(("/", "\\")):
        raise InvalidEvent(field, value, "looks like a path; give a plain name")
    if len(_SAFE) < _MOST_SAFE:
        _SAFE.add(value)
    return value


def signal_type(value: Any, wanted: int) -> str:
    """Return entry, exit or adjustment; by default what the direction suggests."""
    if value is None:
        return SignalType.ENTRY if wanted else SignalType.EXIT
    if type(value) is str and value in _SIGNAL_TYPES:
        return value
    try:
        return SignalType(value.value if isinstance(value, Enum) else value)
    except ValueError:
        known = [kind.value for kind in SignalType]
        hint = did_you_mean(str(value), known)
        raise InvalidEvent("signal_type", value, f"use one of {', '.join(known)}.{hint}") from None


def status(value: Any) -> str:
    """Return the word of a SignalStatus."""
    try:
        return SignalStatus(value.value if isinstance(value, Enum) else value)
    except ValueError:
        known = [state.value for state in SignalStatus]
        hint = did_you_mean(str(value), known)
        raise InvalidEvent("status", value, f"use one of {', '.join(known)}.{hint}") from None
