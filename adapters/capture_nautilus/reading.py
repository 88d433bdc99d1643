"""How it is noticed that a strategy looks at its portfolio.

The host's own code does not read `self.cache` and `self.portfolio` the way a strategy does: it
knows where they lie. So the strategy is handed objects that stand in for them, and that take note
of what is asked. They are of the host's types, and the real ones answer whatever is asked of them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from nautilus_trader.cache.base import CacheFacade
from nautilus_trader.common.component import Clock
from nautilus_trader.portfolio.base import PortfolioFacade
from nautilus_trader.trading.strategy import Strategy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import CodeType

__all__ = ["CacheReads", "PortfolioReads", "Ticking", "looks_of_orders"]

_OF_PORTFOLIO: Final = re.compile(r"(?!.*book).*(order|position|account|exec_)")
_NO_LOOK: Final = frozenset({"initialized"})
_STATE_OF_ORDER: Final = frozenset(
    {
        "is_open", "is_closed", "is_canceled", "is_inflight", "is_emulated", "is_active_local",
        "is_pending_cancel", "is_pending_update", "is_filled", "filled_qty", "leaves_qty",
        "avg_px", "status", "status_string", "venue_order_id", "last_event", "event_count",
        "last_trade_id", "trade_ids",
    }
)  # fmt: skip


class _StandIn:
    """Answers as the real one does."""

    __slots__ = ()

    def __getattribute__(self, name: str) -> Any:
        """Take note, and ask the real one."""
        own = object.__getattribute__
        note = own(self, "_asked")
        answer = getattr(own(self, "_real"), name)
        return note(name, answer)


class CacheReads(_StandIn, CacheFacade):  # type: ignore[misc]
    """Stands in for the cache, which also has the market."""

    def __init__(self, real: Any, note: Callable[[str], None]) -> None:
        """Answer as the real one; `note` is told what is asked of the portfolio."""
        object.__setattr__(self, "_real", real)
        looks = _OF_PORTFOLIO.match

        def asked(name: str, answer: Any) -> Any:
            if looks(name):
                note(f"cache.{name}")
            return answer

        object.__setattr__(self, "_asked", asked)


class PortfolioReads(_StandIn, PortfolioFacade):  # type: ignore[misc]
    """Stands in for the portfolio."""

    def __init__(self, real: Any, note: Callable[[str], None]) -> None:
        """Answer as the real one; `note` is told what is asked."""
        object.__setattr__(self, "_real", real)

        def asked(name: str, answer: Any) -> Any:
            if name[:1] != "_" and name not in _NO_LOOK:
                note(f"portfolio.{name}")
            return answer

        object.__setattr__(self, "_asked", asked)


class Ticking(_StandIn, Clock):  # type: ignore[misc]
    """Stands in for the clock: what sets a timer is replaced."""

    def __init__(self, real: Any, setters: dict[str, Callable[..., Any]]) -> None:
        """Answer as the real one, except where something of `setters` is asked for."""
        object.__setattr__(self, "_real", real)

        def asked(name: str, answer: Any) -> Any:
            return setters.get(name, answer)

        object.__setattr__(self, "_asked", asked)


def looks_of_orders(strategy: type) -> Iterator[str]:
    """Yield what a strategy's code may ask of orders that it keeps.

    An order is of a type that nothing can stand in for, so the names in the code decide.
    """
    for kind in strategy.__mro__:
        if kind is Strategy:
            return
        for member in vars(kind).values():
            code = getattr(member, "__code__", None) or getattr(
                getattr(member, "fget", None), "__code__", None
            )
            if code is not None:
                for name in _names(code) & _STATE_OF_ORDER:
                    yield f"order.{name}"


def _names(code: CodeType) -> set[str]:
    found = set(code.co_names)
    for constant in code.co_consts:
        if hasattr(constant, "co_names"):
            found |= _names(constant)
    return found
