"""What a strategy wanted in two runs, whatever it held at the time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import pyarrow as pa

from capture.analysis.comparison.aligning import align
from capture.analysis.comparison.differing import (
    DECISIONS,
    Sides,
    any_of,
    changes_of,
    first_divergence,
)
from capture.analysis.comparison.sides import side_of, spans_of_both

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from capture.analysis.comparison.result import Divergence
    from capture.store.recording import Recording

__all__ = ["Decisions", "compare_decisions"]

_SIDED: Final = ("direction", "order_side")
_RELATIVE: Final = ("portion", "target", "value")
"""Sizes whose side follows from the position that is held, and not from what is wanted."""


class Decisions(NamedTuple):
    """Which decisions of a run are not those of another.

    Attributes:
        compared: how many signals both runs could have given.
        times: times of those that are missing on a side or want something else.
        first: the first one.
        given: times of all that the second run gave.
    """

    compared: int
    times: NDArray[np.int64]
    first: Divergence | None
    given: NDArray[np.int64]


def compare_decisions(a: Recording, b: Recording, tolerance: float) -> Decisions:
    """Compare what was wanted: not what it led to, nor what the strategy held."""
    one, other = side_of(a, market=False), side_of(b, market=False)
    found = align(one, other, spans_of_both(a, b))
    changes = changes_of(one, other, found, tolerance, None)
    relative = _relative(one)[found.a] | _relative(other)[found.b]
    for name in _SIDED:
        if name in changes:
            changes[name] = changes[name] & ~relative
    wants = {name: rows for name, rows in changes.items() if name.startswith(DECISIONS)}
    differs = any_of(wants, len(found.a))
    times = np.concatenate(
        [
            found.times[0][found.a[differs]],
            found.times[0][found.only_a],
            found.times[1][found.only_b],
        ]
    )
    compared = len(found.a) + len(found.only_a) + len(found.only_b)
    first = first_divergence(Sides(a, b, one, other), found, differs, changes)
    return Decisions(compared, np.sort(times), first, np.sort(found.times[1]))


def _relative(table: pa.Table) -> NDArray[np.bool_]:
    if "order_size_kind" not in table.column_names:
        return np.zeros(table.num_rows, bool)
    kinds = table.column("order_size_kind").to_pandas()
    found: NDArray[np.bool_] = kinds.isin(_RELATIVE).to_numpy()
    return found
