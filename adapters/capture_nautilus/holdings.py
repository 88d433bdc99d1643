"""What one strategy holds, as far as its fills tell."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from nautilus_trader.model.enums import OrderSide

__all__ = ["Holdings"]

_NOTHING: Final = Decimal(0)
_BUY: Final = OrderSide.BUY


class Holdings:
    """Units by instrument and by position, counted exactly."""

    def __init__(self) -> None:
        """Hold nothing."""
        self._held: dict[Any, Decimal] = {}
        self._positions: dict[Any, Decimal] = {}

    def of(self, instrument_id: Any) -> float:
        """Return what is held of an instrument, with its sign."""
        return float(self._held.get(instrument_id, _NOTHING))

    def position(self, position_id: Any) -> Decimal:
        """Return the units of a position, with their sign."""
        return self._positions.get(position_id, _NOTHING)

    def fill(self, event: Any) -> tuple[Decimal, Decimal]:
        """Take in a fill; return the units of its position before, and the change."""
        units = event.last_qty.as_decimal()
        if event.order_side != _BUY:
            units = -units
        instrument, position = event.instrument_id, event.position_id
        self._held[instrument] = self._held.get(instrument, _NOTHING) + units
        before = self._positions.get(position, _NOTHING)
        self._positions[position] = before + units
        return before, units
