"""Words for settings that a person reads and that no two different settings share."""

from __future__ import annotations

import re
from collections.abc import Mapping
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["identity", "word_of"]

_PLAIN: Final = re.compile(r"[A-Za-z0-9.+-]+")
"""Texts that stand for themselves; `_` parts words, and `%` begins what is escaped."""

_OTHERS: Final = {"true", "false", "none", "nan", "inf", "-inf"}
"""How values that are no text are written."""


def identity(prefix: str, values: Mapping[str, Any], names: Collection[str] = ()) -> str:
    """Return an identity such as `momentum_lookback_20_threshold_0.7`.

    Two mappings with some of the same names, in the same order, have the same identity only if
    their names and values are equal; whole numbers and reals of the same worth are equal.

    Args:
        prefix: what it begins with.
        values: values by name.
        names: all names that there may be.
    """
    every = {*names, *values}
    words = [prefix] if prefix else []
    for name, value in values.items():
        words += [_name(name, every), word_of(value)]
    return "_".join(words)


def _name(name: str, every: Collection[str]) -> str:
    """Return a name; where it could be read as another one and its value, without its `_`."""
    word = "_".join(_quoted(part) for part in name.split("_"))
    if any(name.startswith(f"{other}_") for other in every):
        return word.replace("_", "%5F")
    return word


def word_of(value: Any) -> str:
    """Return a value as a word of letters, digits, dots, signs and escapes.

    Two values have the same word only if they are equal. `%` and two digits of a byte stand for a
    sign; `%T` begins a text that looks like something else, `%L` and `%M` a list and a mapping.
    """
    if value is None or isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Integral):
        return str(int(value))
    if isinstance(value, Real):
        number = float(value)
        whole = number.is_integer() and abs(number) < 2**53
        return str(int(number)) if whole else repr(number)
    if isinstance(value, Mapping):
        inside = [part for pair in value.items() for part in pair]
        return f"%M{'%N'.join(word_of(one) for one in inside)}%Z"
    if isinstance(value, (list, tuple)):
        return f"%L{'%N'.join(word_of(one) for one in value)}%Z"
    text = str(value)
    if not text or text.lower() in _OTHERS or _is_number(text):
        return f"%T{_quoted(text)}"
    return _quoted(text)


def _quoted(text: str) -> str:
    """Return a text in which everything but plain signs is escaped."""
    return "".join(
        c
        if _PLAIN.fullmatch(c)
        else "".join(f"%{byte:02X}" for byte in c.encode("utf-8", "surrogatepass"))
        for c in text
    )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
