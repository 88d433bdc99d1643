"""States of a classifier, one per bar, held as small numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, overload

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["UNKNOWN", "States"]

UNKNOWN = -1
"""The code of a bar at which the state is not known."""


class States(Sequence["str | None"]):
    """A sequence of states, None where the state is not known.

    Attributes:
        codes: a number per bar: a place in `names`, or -1.
        names: the states.
    """

    __slots__ = ("codes", "names")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, codes: NDArray[Any], names: Sequence[str]) -> None:
        """Hold these codes."""
        self.codes = codes
        self.names = tuple(names)

    def __len__(self) -> int:
        return len(self.codes)

    @overload
    def __getitem__(self, place: int) -> str | None: ...
    @overload
    def __getitem__(self, place: slice) -> States: ...
    def __getitem__(self, place: int | slice) -> str | States | None:
        if isinstance(place, slice):
            return States(self.codes[place], self.names)
        code = int(self.codes[place])
        return None if code < 0 else self.names[code]

    def __iter__(self) -> Iterator[str | None]:
        named = (*self.names, None)  # -1 is the last one
        return (named[code] for code in self.codes.tolist())

    def __eq__(self, other: object) -> bool:
        if isinstance(other, States) and other.names == self.names:
            return np.array_equal(self.codes, other.codes)
        if isinstance(other, Sequence) and not isinstance(other, str):
            return list(self) == list(other)
        return NotImplemented

    def __repr__(self) -> str:
        return f"States({len(self)} bars of {', '.join(self.names) or 'no state'})"

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return self.to_numpy() if dtype is None else self.to_numpy().astype(dtype)

    def where(self, *states: str) -> NDArray[np.bool_]:
        """Return at which bars one of these states holds."""
        wanted = [self.names.index(state) for state in states if state in self.names]
        result: NDArray[np.bool_] = np.isin(self.codes, wanted)
        return result

    def to_numpy(self) -> NDArray[Any]:
        """Return the states as an array of texts, None where not known."""
        named: NDArray[Any] = np.array([*self.names, None], dtype=object)
        states: NDArray[Any] = named[self.codes]
        return states

    def to_pandas(self) -> pd.Categorical[Any]:
        """Return the states as a categorical."""
        import pandas as pd

        names: pd.Index[str] = pd.Index(list(self.names))
        states: pd.Categorical[Any] = pd.Categorical.from_codes(self.codes, categories=names)
        return states
