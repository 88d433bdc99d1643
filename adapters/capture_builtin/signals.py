"""What a strategy wants: a signal says a direction, and may say how."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import Final

from capture.errors import InvalidEvent

__all__ = ["Signal"]

_KINDS: Final = (None, "entry", "exit", "adjustment")
_PRICES: Final = ("limit", "stop", "stop_loss", "take_profit", "trail")


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """The position that a strategy wants in a symbol from now on.

    Example:
        ```python
        Signal(direction=1)
        Signal(direction=-1, symbol="MSFT", limit=31.5, valid_bars=3)
        Signal(direction=0)
        ```

    Attributes:
        direction: 1 wants to be long, -1 short, 0 flat.
        symbol: of what; None is the strategy's first symbol.
        kind: "entry", "exit" or "adjustment" (to another size on the same side); it follows from
            the direction if it is not said.
        strength: how strong, if the strategy has an opinion.
        size: how many units; None leaves it to the portfolio's sizer.
        limit: do not pay more, or take less.
        stop: wait until the price comes here.
        stop_loss: leave at this price, should it go wrong.
        take_profit: leave at this price, should it go well.
        trail: leave when the price is this far from its best since the entry.
        valid_bars: so many bars a limit or a stop waits; None waits to the end.
        tag: the user's own word.
    """

    direction: int
    symbol: str | None = None
    kind: str | None = None
    strength: float | None = None
    size: float | None = None
    limit: float | None = None
    stop: float | None = None
    stop_loss: float | None = None
    take_profit: float | None = None
    trail: float | None = None
    valid_bars: int | None = None
    tag: str | None = None

    def __post_init__(self) -> None:
        """Refuse what nobody could carry out."""
        if self.direction not in (1, -1, 0):
            raise InvalidEvent("direction", self.direction, "must be 1, -1 or 0")
        if self.kind not in _KINDS:
            raise InvalidEvent("kind", self.kind, "must be entry, exit or adjustment")
        if (self.kind == "exit") != (self.direction == 0) and self.kind is not None:
            raise InvalidEvent("kind", self.kind, "an exit has the direction 0, and nothing else")
        if self.strength is not None and not isfinite(self.strength):
            raise InvalidEvent("strength", self.strength, "must be a finite number")
        if self.size is not None and not (isfinite(self.size) and self.size > 0):
            raise InvalidEvent("size", self.size, "must be more than 0")
        if self.kind == "adjustment" and self.size is None and self.strength is None:
            raise InvalidEvent("size", None, "an adjustment says to which size, or how strong")
        for name in _PRICES:
            price = getattr(self, name)
            if price is not None and not (isfinite(price) and price > 0):
                raise InvalidEvent(name, price, "must be more than 0")
        if self.valid_bars is not None and self.valid_bars < 1:
            raise InvalidEvent("valid_bars", self.valid_bars, "must be at least 1")

    @property
    def signal_type(self) -> str:
        """What it does to the position: entry, exit or adjustment."""
        return self.kind or ("entry" if self.direction else "exit")

    @property
    def order_type(self) -> str:
        """What its prices make it."""
        if self.limit is None:
            return "market" if self.stop is None else "stop"
        return "limit" if self.stop is None else "stop_limit"
