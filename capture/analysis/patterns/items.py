"""Items: statements such as "rsi is below 30" that hold for a signal or do not."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from capture.analysis.patterns.attributes import Attribute

    Reals = NDArray[np.float64]
    Wholes = NDArray[np.int64]
    Flags = NDArray[np.bool_]

__all__ = ["Items", "items_of"]

_MOST_WORDS: Final = 12
_DIGITS: Final = (3, 4, 6, 9, 15)


@dataclass(frozen=True, eq=False)
class Items:
    """Statements about signals.

    Attributes:
        texts: each as part of a sentence.
        groups: the number of the attribute that each is about.
        sequence: whether each is about the signals before.
        table: one row per signal, one column per statement: whether it holds.
        left_out: attributes of which nothing can be said, with the reason.
    """

    texts: tuple[str, ...]
    groups: Wholes
    sequence: Flags
    table: Flags
    left_out: dict[str, str]

    def together(self, one: tuple[int, ...]) -> Flags:
        """Return for each signal whether all of these statements hold."""
        found: Flags = np.logical_and.reduce(self.table[:, list(one)], axis=1)
        return found


def items_of(attributes: Iterable[Attribute], known: Flags, bins: int) -> Items:
    """Make statements of attributes.

    Args:
        attributes: what is known of the signals.
        known: the signals that bins and words are taken from; the others do not decide them.
        bins: into so many bins, equally full, each quantity is cut.
    """
    texts: list[str] = []
    columns: list[Flags] = []
    groups: list[int] = []
    sequence: list[bool] = []
    left_out: dict[str, str] = {}
    for number, one in enumerate(attributes):
        said = list(_of_choice(one, known) if one.is_choice else _of_quantity(one, known, bins))
        if len(said) > _MOST_WORDS:
            left_out[one.name] = f"more than {_MOST_WORDS} different values"
        elif not said or max(column[known].mean() for _, column in said) >= 1:
            left_out[one.name] = "always the same" if said else "not known"
        else:
            for text, column in said:
                texts.append(text)
                columns.append(column)
                groups.append(number)
                sequence.append(one.sequence)
    table = np.array(columns, bool).T if columns else np.zeros((len(known), 0), bool)
    return Items(tuple(texts), np.array(groups, int), np.array(sequence, bool), table, left_out)


def _of_choice(one: Attribute, known: Flags) -> Iterator[tuple[str, Flags]]:
    codes, words = pd.factorize(one.values)
    there = np.flatnonzero(np.bincount(codes[known] + 1, minlength=len(words) + 1)[1:])
    if len(there) > _MOST_WORDS:
        there = there[: _MOST_WORDS + 1]
    for code in there.tolist():
        yield f"{one.name} is {words[code]}", codes == code


def _of_quantity(one: Attribute, known: Flags, bins: int) -> Iterator[tuple[str, Flags]]:
    values = one.values
    seen = values[known & np.isfinite(values)]
    distinct = np.unique(seen)
    if len(distinct) <= bins:
        for value in distinct.tolist():
            yield f"{one.name} is {_spelled(value, one.unit)}", values == value
        return
    edges = _edges(seen, bins)
    bounds = [-np.inf, *edges, np.inf]
    with np.errstate(invalid="ignore"):
        for low, high in pairwise(bounds):
            yield _bin(one, low, high), np.isfinite(values) & (values >= low) & (values < high)


def _edges(seen: Reals, bins: int) -> list[float]:
    """Return quantiles, in as few digits as tell them apart; bins are cut where they say."""
    shares = np.arange(1, bins) / bins
    exact = np.unique(np.quantile(seen, shares))
    exact = exact[(exact > seen.min()) & (exact <= seen.max())]
    for digits in _DIGITS:
        edges = sorted({float(f"{value:.{digits}g}") for value in exact.tolist()})
        shift = max((abs(np.mean(seen < a) - np.mean(seen < b)) for a, b in _pairs(edges, exact)))
        if len(edges) == len(exact) and shift < 0.02:
            return edges
    return [float(value) for value in exact]


def _pairs(edges: list[float], exact: NDArray[Any]) -> list[tuple[float, float]]:
    return list(zip(edges, exact.tolist(), strict=False)) or [(0.0, 0.0)]


def _bin(one: Attribute, low: float, high: float) -> str:
    if np.isinf(low) and np.isinf(high):
        return f"{one.name} is known"
    if np.isinf(low):
        return f"{one.name} is below {_spelled(high, one.unit)}"
    if np.isinf(high):
        return f"{one.name} is {_spelled(low, one.unit)} or more"
    return f"{one.name} is from {_spelled(low, one.unit)} to {_spelled(high, one.unit)}"


def _spelled(value: float, unit: str) -> str:
    if unit == "%":
        return f"{value:g}%"
    text = f"{value:,.0f}" if abs(value) >= 10_000 and value == round(value) else f"{value:g}"
    return f"{text} {unit}" if unit else text
