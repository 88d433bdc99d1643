"""Which signals hold the units that a fill gives back: those of its trade, or the oldest first."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from capture.lifecycle.amounts import difference

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Lots"]


@dataclass
class _Lot:
    signal_id: str
    trade: int | None
    side: int
    left: float


class Lots:
    """What is held in one part of a run, by strategy and symbol, as its fills come in order."""

    def __init__(self) -> None:
        self._held: dict[tuple[Any, Any], list[_Lot]] = defaultdict(list)

    def take(self, fill: Mapping[str, Any]) -> tuple[float, list[tuple[str, float]]]:
        """Take in a fill; return the units that it opened, and those it gave back by signal."""
        held = self._held[fill["strategy_id"], fill["symbol"]]
        side, trade = int(fill["side"]), fill["trade_number"]
        given: list[tuple[str, float]] = []
        left = 0.0 if fill["effect"] == "open" else float(fill["size"])
        against = [lot for lot in held if lot.side == -side]
        own = [lot for lot in against if trade is not None and lot.trade == trade]
        for lot in own or against:
            units = min(lot.left, left)
            if units <= 0:
                continue
            lot.left, left = difference(lot.left, units), difference(left, units)
            given.append((lot.signal_id, units))
        held[:] = [lot for lot in held if lot.left > 0]
        if fill["effect"] in ("reduce", "close"):
            return 0.0, given  # what is left of it was taken before anybody listened
        opened = float(fill["size"]) if fill["effect"] == "open" else left
        if opened > 0 and fill["signal_id"] is not None:
            held.append(_Lot(fill["signal_id"], trade, side, opened))
        return opened, given
