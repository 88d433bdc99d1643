"""What a recording is going to hold of a call, before it is written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from capture_vectorbt.cells import Cells, Simulated
    from capture_vectorbt.frame import Bars, Frame

__all__ = ["Held"]


class Held:
    """Fulfils `capture_vectorbt.homes.Stored` before anything is stored."""

    def __init__(
        self,
        shape: tuple[int, int],
        cells: Cells,
        simulated: Simulated | None,
        bars: Bars,
        frame: Frame,
    ) -> None:
        """Hold what is about to be stored."""
        self.shape = shape
        self._cells = cells
        self._simulated = simulated
        self._bars = bars
        self._frame = frame

    def cells(self, kind: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[Any] | None]:
        """Return bars, columns and sizes of the signals of a kind."""
        cells = self._cells
        mine = cells.kinds == kind
        bars, columns = cells.bars[mine], cells.columns[mine]
        if kind < 4 or self._simulated is None:
            return bars, columns, None
        return bars, columns, self._simulated.at("size", bars, columns)

    def price(self, symbol: str, name: str) -> NDArray[np.float64] | None:
        """Return a column of the base data of a symbol."""
        table = self._bars.tables.get(symbol)
        if table is None or name not in table.column_names:
            return None
        column: NDArray[np.float64] = table.column(name).to_numpy()
        return column

    def times_ns(self) -> NDArray[np.int64] | None:
        """Return the labels of the bars."""
        return self._frame.timeline.labels_ns
