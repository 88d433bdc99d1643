"""What a strategy orders before the first bar, when its recording has not begun yet."""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from capture_backtesting.routes import hear

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from capture_backtesting.intents import Intents

__all__ = ["EarlyOrders"]


@dataclass(frozen=True)
class _Call:
    """One order, with what waited at the broker before it and after.

    Attributes:
        side: 1 buys, -1 sells.
        arguments: arguments of the call.
        order: what the call returned; None if it raised.
        before: orders that waited before.
        after: orders that waited after.
    """

    side: int
    arguments: Mapping[str, Any]
    order: Any
    before: list[Any]
    after: list[Any]


class EarlyOrders:
    """Hears what is ordered, and what of it is taken back, and tells it in that order."""

    def __init__(self, strategy: Any) -> None:
        """Hear a strategy, which this must not keep alive."""
        self._strategy = weakref.ref(strategy)
        self._calls: list[_Call] = []
        hear(strategy, self._placing)

    def _placing(self, side: int, call: Callable[..., Any]) -> Callable[..., Any]:
        def place(**arguments: Any) -> Any:
            strategy: Any = self._strategy()
            orders = strategy._broker.orders
            order, before = None, list(orders)
            try:
                order = call(strategy, **arguments)
            finally:
                self._calls.append(_Call(side, arguments, order, before, list(orders)))
            return order

        return place

    def tell(self, intents: Intents, waiting: list[Any]) -> None:
        """Have them recorded.

        Args:
            intents: records them.
            waiting: the orders that wait now.
        """
        following = [*(call.before for call in self._calls[1:]), waiting]
        for call, now in zip(self._calls, following, strict=False):
            intents.placed_early(call.side, call.arguments, call.order, len(call.before))
            for order in call.before:
                if order not in call.after:
                    intents.replaced_early(order)
            for order in call.after:
                if order not in now:
                    intents.cancelled_early(order)
