"""What one strategy holds, as far as its fills tell."""

from __future__ import annotations

from typing import Any

from capture_nautilus.amounts import SCALE

__all__ = ["Holdings"]


class Holdings:
    """Units by instrument and by position, counted exactly: as the whole numbers of the host.

    Attributes:
        units: what is held, by instrument.
    """

    def __init__(self) -> None:
        """Hold nothing."""
        self.units: dict[Any, int] = {}
        self._positions: dict[Any, int] = {}

    def of(self, instrument_id: Any) -> float:
        """Return what is held of an instrument, with its sign."""
        return self.units.get(instrument_id, 0) / SCALE

    def fill(self, event: Any) -> tuple[int, int, float]:
        """Take in a fill; return what its position was, the change, what is held afterwards."""
        units: int = event.last_qty.raw
        if not event.is_buy:
            units = -units
        instrument, position = event.instrument_id, event.position_id
        everything, positions = self.units, self._positions
        everything[instrument] = held = everything.get(instrument, 0) + units
        before = positions.get(position, 0)
        positions[position] = before + units
        return before, units, held / SCALE
