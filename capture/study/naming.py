"""Words for settings that a person reads and that no two different settings share."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["identity", "word_of"]

_PLAIN: Final = re.compile(r"[A-Za-z0-9.+-]+")
"""Texts that stand for themselves; `_` parts words, and `%` begins what is escaped."""

_OTHERS: Final = {"true", "false", "none", "nan", "inf", "-inf"}
"""How values that are no text are written."""


def identity(prefix: str, values: Mapping[str, Any]) -> str:
    """Return an identity such as `momentum_lookback_20_threshold_0.7`.

    Two mappings with the same names in the same order have the same identity only if their values
    are equal; whole numbers and reals of the same worth are equal.
    """
    words = [prefix] if prefix else []
    for name, value in values.items():
        words += [name, word_of(value)]
    return "_".join(words)


def word_of(value: Any) -> str:
    """Return a value as a word of letters, digits, dots, signs and escapes."""
    if value is None or isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        whole = isinstance(value, float) and value.is_integer() and abs(value) < 2**53
        return str(int(value)) if whole else repr(value)
    if isinstance(value, (list, tuple)):
        return "%28" + "%2C".join(word_of(one) for one in value) + "%29"
    return _escaped(str(value))


def _escaped(text: str) -> str:
    """Return a text as a word that is read back without doubt, and never as a number."""
    if _PLAIN.fullmatch(text) and text.lower() not in _OTHERS and not _is_number(text):
        return text
    if not text:
        return "%22%22"
    quoted = "".join(
        c
        if _PLAIN.fullmatch(c)
        else "".join(f"%{byte:02X}" for byte in c.encode("utf-8", "surrogatepass"))
        for c in text
    )
    return f"%22{quoted}%22" if _PLAIN.fullmatch(text) else quoted


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
