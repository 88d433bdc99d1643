"""What a recorded replay repeats: its parent, and the signals that are made once more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from capture.contracts.replay import ReplaySource
    from capture_vectorbt.cells import Cells

__all__ = ["Repeats"]


class Repeats:
    """Tells of the signals of a replay which recorded ones they are."""

    def __init__(self, source: ReplaySource, seqs: Mapping[tuple[int, int, int], int]) -> None:
        """Remember the recorded signals.

        Args:
            source: the recording.
            seqs: their sequence numbers by bar, column and kind; a kind of -1 is any.
        """
        self._source = source
        self._seqs = seqs

    def start(self, **said: Any) -> Any:
        """Return the start record of the replay."""
        return self._source.start(**said)

    def ids(self, cells: Cells) -> pa.Array:
        """Return the identities of the recorded signals."""
        places = zip(cells.bars.tolist(), cells.columns.tolist(), cells.kinds.tolist(), strict=True)
        found = [
            self._seqs.get((bar, column, kind), self._seqs.get((bar, column, -1)))
            for bar, column, kind in places
        ]
        rows = self._source.stored("signals", ["seq", "signal_id"])
        at = pc.index_in(pa.array(found, pa.int64()), value_set=rows.column("seq").combine_chunks())
        return rows.column("signal_id").combine_chunks().take(at)


def by_cell(
    bars: NDArray[np.int64],
    columns: NDArray[np.int64],
    kinds: NDArray[np.int64],
    seqs: NDArray[np.int64],
) -> dict[tuple[int, int, int], int]:
    """Return sequence numbers of signals by their cells."""
    cells = zip(bars.tolist(), columns.tolist(), kinds.tolist(), strict=True)
    return dict(zip(cells, seqs.tolist(), strict=True))
