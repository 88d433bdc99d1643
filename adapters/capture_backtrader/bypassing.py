"""What a strategy asks of the broker and of cerebro themselves, past its own verbs."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from capture_backtrader.asking import by_strategy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from capture_backtrader.ear import Ear

__all__ = ["DirectCalls"]


def _cancels(ear: Ear, *args: Any, **kwargs: Any) -> None:
    for order in (*args, *kwargs.values()):
        ear.cancels(order)


def _changes(name: str) -> Callable[..., None]:
    """Return what takes note that a strategy changes the settings of its own run."""

    def changes(ear: Ear, *_: Any, **__: Any) -> None:
        ear.encoder.missing.add(f"broker.{name}")

    return changes


def _stops(ear: Ear) -> None:
    ear.stops_the_run()


_SETTINGS: Final = (
    "setcash", "set_cash", "add_cash", "setcommission", "addcommissioninfo", "set_checksubmit",
    "set_coc", "set_coo", "set_eosbar", "seteosbar", "set_filler", "set_fund_history",
    "set_fundmode", "set_fundstartval", "set_int2pnl", "set_shortcash", "set_slippage_fixed",
    "set_slippage_perc", "add_order_history",
)  # fmt: skip
_OF_SETTINGS: Final = {name: _changes(name) for name in _SETTINGS}
_OF_BROKER: Final[dict[str, Callable[..., None]]] = {"cancel": _cancels, **_OF_SETTINGS}
_OF_CEREBRO: Final[dict[str, Callable[..., None]]] = {"runstop": _stops}


class DirectCalls:
    """Hears of what strategies ask of broker and cerebro; the host itself asks nothing of that."""

    def __init__(
        self,
        broker: Any,
        cerebro: Any = None,
        calls: Mapping[str, Callable[..., None]] = _OF_BROKER,
    ) -> None:
        """Put ears on both, among their own attributes.

        Args:
            broker: the host's.
            cerebro: the host's; None if nothing is asked of it yet.
            calls: what is heard of the broker.
        """
        self._heard_of = ((broker, calls), (cerebro, {} if cerebro is None else _OF_CEREBRO))
        self._ears: list[Ear] = []
        for asked, verbs in self._heard_of:
            for name, hear in verbs.items():
                own = getattr(asked, name, None)
                if own is not None:
                    setattr(asked, name, self._heard(own, hear))

    def hear(self, ear: Ear) -> None:
        """Hear a strategy."""
        self._ears.append(ear)

    @classmethod
    @contextmanager
    def at_birth(cls, ear: Ear) -> Iterator[None]:
        """Hear of settings that a strategy changes while it is made; there are no orders yet."""
        calls = cls(ear.strategy.broker, calls=_OF_SETTINGS)
        calls.hear(ear)
        try:
            yield
        finally:
            calls.end()

    def end(self) -> None:
        """Leave both as they were."""
        for asked, verbs in self._heard_of:
            for name in verbs:
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
