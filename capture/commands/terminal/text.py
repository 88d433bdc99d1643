"""Values as short texts. What comes from data cannot steer the terminal."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = [
    "amount",
    "amounts",
    "count",
    "duration",
    "is_absent",
    "moment",
    "moments",
    "of_bytes",
    "plural",
    "safe",
    "second",
]

# C0 and C1 controls, the marks that reorder a line, line separators, lone surrogates.
_UNSAFE: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
_MIDNIGHT: Final = " 00:00:00"


def safe(text: object) -> str:
    """Return a text with everything visible that a terminal would obey."""
    return _UNSAFE.sub(lambda found: found[0].encode("unicode_escape").decode(), str(text))


def is_absent(value: Any) -> bool:
    """Say whether a cell holds nothing: None, NaN or NaT."""
    if value is None:
        return True
    try:
        return bool(value != value)
    except (TypeError, ValueError):  # pandas.NA, an array
        return type(value).__name__ == "NAType"


def amount(value: Any) -> str:
    """Return a number, as exactly as a person wants it; any other value as its safe text."""
    if is_absent(value):
        return ""
    return amounts([value])[0] if _is_number(value) else safe(value)


def amounts(values: Iterable[Any]) -> list[str]:
    """Return the cells of one column; numbers have as many decimals as the column needs."""
    kept = list(values)
    numbers = [float(value) for value in kept if _is_number(value)]
    places = _decimals([number for number in numbers if math.isfinite(number)])
    return [
        f"{float(v):.{places}f}" if _is_number(v) else "" if is_absent(v) else safe(v) for v in kept
    ]


def _is_number(value: Any) -> bool:
    if isinstance(value, (str, bool)) or is_absent(value):
        return False
    return hasattr(value, "__float__")


def _decimals(numbers: Sequence[float]) -> int:
    """Return the fewest decimals that say all numbers, within what a person can read."""
    most = _readable(max(map(abs, numbers), default=0.0))
    for places in range(most):
        if all(math.isclose(round(n, places), n, rel_tol=1e-9) for n in numbers):
            return places
    return most


def _readable(size: float) -> int:
    if size >= 1000:
        return 2
    return 4 if size >= 0.1 or size == 0 else min(12, 3 - math.floor(math.log10(size)))


def count(value: int | None) -> str:
    """Return a count with its thousands apart."""
    return "" if value is None else f"{value:,}"


def plural(number: int, word: str) -> str:
    """Return a count with its noun."""
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def of_bytes(size: float | None) -> str:
    """Return a size in the unit that fits."""
    if size is None:
        return ""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} B" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def duration(seconds: float | None) -> str:
    """Return a span of time in the unit that fits."""
    if seconds is None:
        return ""
    if seconds < 1e-3:
        return f"{seconds * 1e6:.1f} µs"
    if seconds < 1:
        return f"{seconds * 1e3:.1f} ms"
    if seconds < 120:
        return f"{seconds:.2f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"


def moment(value: Any) -> str:
    """Return a time in UTC, with the fraction of a second that it has."""
    if is_absent(value):
        return ""
    utc = value.tz_convert("UTC") if getattr(value, "tzinfo", None) else value
    return safe(utc).replace("T", " ").removesuffix("Z").removesuffix("+00:00")


def second(text: str | None) -> str:
    """Return the time of a record to the second."""
    return moment(text).partition(".")[0]


def moments(values: Sequence[Any]) -> list[str]:
    """Return the cells of one column of times; only the dates, where all are at midnight."""
    texts = [moment(value) for value in values]
    if all(not text or text.endswith(_MIDNIGHT) for text in texts):
        return [text.removesuffix(_MIDNIGHT) for text in texts]
    return texts
