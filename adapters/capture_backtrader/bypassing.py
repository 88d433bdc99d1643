"""What a strategy asks of the broker and of cerebro themselves, past its own verbs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

from capture_backtrader.asking import by_strategy

if TYPE_CHECKING:
    from collections.abc import Callable

    from capture_backtrader.ear import Ear

__all__ = ["DirectCalls"]


def _cancels(ear: Ear, *args: Any, **kwargs: Any) -> None:
    for order in (*args, *kwargs.values()):
        ear.cancels(order)


def _adds_cash(ear: Ear, *_: Any, **__: Any) -> None:
    ear.encoder.missing.add("broker.add_cash")


def _stops(ear: Ear) -> None:
    ear.stops_the_run()


_OF_BROKER: Final[dict[str, Callable[..., None]]] = {"cancel": _cancels, "add_cash": _adds_cash}
_OF_CEREBRO: Final[dict[str, Callable[..., None]]] = {"runstop": _stops}


class DirectCalls:
    """Hears of what strategies ask of broker and cerebro; the host itself asks nothing of that."""

    def __init__(self, broker: Any, cerebro: Any) -> None:
        """Put ears on both, among their own attributes."""
        self._heard_of = ((broker, _OF_BROKER), (cerebro, _OF_CEREBRO))
        self._ears: list[Ear] = []
        for asked, calls in self._heard_of:
            for name, hear in calls.items():
                own = getattr(asked, name, None)
                if own is not None:
                    setattr(asked, name, self._heard(own, hear))

    def hear(self, ear: Ear) -> None:
        """Hear a strategy."""
        self._ears.append(ear)

    def end(self) -> None:
        """Leave both as they were."""
        for asked, calls in self._heard_of:
            for name in calls:
                asked.__dict__.pop(name, None)

    def _heard(self, own: Callable[..., Any], hear: Callable[..., None]) -> Callable[..., Any]:
        ears = self._ears

        def heard(*args: Any, **kwargs: Any) -> Any:
            asking = by_strategy(sys._getframe(1))
            for ear in ears:
                if ear.strategy is asking and not ear.acting:
                    hear(ear, *args, **kwargs)
            return own(*args, **kwargs)

        return heard
