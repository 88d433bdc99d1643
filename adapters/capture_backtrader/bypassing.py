"""What a strategy asks of the broker itself, past its own verbs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

from capture_backtrader.asking import by_strategy

if TYPE_CHECKING:
    from collections.abc import Callable

    from capture_backtrader.ear import Ear

__all__ = ["BrokerCalls"]


def _cancels(ear: Ear, *args: Any, **kwargs: Any) -> None:
    for order in (*args, *kwargs.values()):
        ear.cancels(order)


def _adds_cash(ear: Ear, *_: Any, **__: Any) -> None:
    ear.encoder.missing.add("broker.add_cash")


_HEARD: Final[dict[str, Callable[..., None]]] = {"cancel": _cancels, "add_cash": _adds_cash}


class BrokerCalls:
    """Hears of what strategies ask of the broker; the host itself asks it nothing of that."""

    def __init__(self, broker: Any) -> None:
        """Put ears on the broker, among its own attributes."""
        self._broker = broker
        self._ears: list[Ear] = []
        for name, hear in _HEARD.items():
            own = getattr(broker, name, None)
            if own is not None:
                setattr(broker, name, self._heard(own, hear))

    def hear(self, ear: Ear) -> None:
        """Hear a strategy."""
        self._ears.append(ear)

    def end(self) -> None:
        """Leave the broker as it was."""
        for name in _HEARD:
            self._broker.__dict__.pop(name, None)

    def _heard(self, own: Callable[..., Any], hear: Callable[..., None]) -> Callable[..., Any]:
        ears = self._ears

        def heard(*args: Any, **kwargs: Any) -> Any:
            asking = by_strategy(sys._getframe(1))
            for ear in ears:
                if ear.strategy is asking and not ear.acting:
                    hear(ear, *args, **kwargs)
            return own(*args, **kwargs)

        return heard
