"""What a strategy asks of the broker and of cerebro themselves, past its own verbs."""

from __future__ import annotations

import functools
import sys
from contextlib import contextmanager
from threading import RLock
from typing import TYPE_CHECKING, Any, Final

from capture_backtrader.asking import by_strategy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

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


class _Hearing:
    """Lets the host's classes hear while a run of theirs is captured; nothing stays when none is.

    The objects would do too, but the host reads their attributes at every bar, and Python finds
    those of an object that has more than some thirty of them in a slower way.
    """

    def __init__(self) -> None:
        self._lock = RLock()
        self._calls: dict[int, list[DirectCalls]] = {}
        self._counts: dict[tuple[type, str], int] = {}
        self._before: dict[tuple[type, str], Any] = {}

    def begin(self, asked: Any, names: Iterable[str], calls: DirectCalls) -> None:
        """Tell of these methods of an object from now on."""
        with self._lock:
            self._calls.setdefault(id(asked), []).append(calls)
            for key in ((type(asked), name) for name in names):
                count = self._counts[key] = self._counts.get(key, 0) + 1
                if count == 1 and hasattr(*key):
                    self._before[key] = vars(key[0]).get(key[1])
                    setattr(*key, self._heard(*key))

    def end(self, asked: Any, names: Iterable[str], calls: DirectCalls) -> None:
        """Tell of them no more, and leave the class as it was unless others need it."""
        with self._lock:
            told = self._calls[id(asked)]
            told.remove(calls)
            if not told:
                del self._calls[id(asked)]
            for key in ((type(asked), name) for name in names):
                self._counts[key] -= 1
                if not self._counts[key]:
                    del self._counts[key]
                    self._leave(key)

    def _leave(self, key: tuple[type, str]) -> None:
        if key not in self._before:
            return
        before = self._before.pop(key)
        if before is None:
            delattr(*key)
        else:
            setattr(*key, before)

    def _heard(self, cls: type, name: str) -> Callable[..., Any]:
        own: Callable[..., Any] = getattr(cls, name)

        @functools.wraps(own)
        def heard(asked: Any, *args: Any, **kwargs: Any) -> Any:
            # An object of a class derived from this one is heard at its own.
            told = list(self._calls.get(id(asked), ())) if type(asked) is cls else ()
            asking = by_strategy(sys._getframe(1)) if told else None
            ears = [ear for calls in told for ear in calls.told(asking, name, args, kwargs)]
            for ear in ears:  # the host calls itself again, to cancel what hangs on an order
                ear.acting = True
            try:
                return own(asked, *args, **kwargs)
            finally:
                for ear in ears:
                    ear.acting = False

        return heard


_HEARING: Final = _Hearing()


class DirectCalls:
    """Hears of what strategies ask of broker and cerebro; the host itself asks nothing of that."""

    def __init__(
        self,
        broker: Any,
        cerebro: Any = None,
        calls: Mapping[str, Callable[..., None]] = _OF_BROKER,
    ) -> None:
        """Put ears on both.

        Args:
            broker: the host's.
            cerebro: the host's; None if nothing is asked of it yet.
            calls: what is heard of the broker.
        """
        of_cerebro = {} if cerebro is None else _OF_CEREBRO
        self._verbs = {**calls, **of_cerebro}
        self._heard_of = [(broker, calls), *([(cerebro, of_cerebro)] if of_cerebro else [])]
        self._ears: list[Ear] = []
        for asked, verbs in self._heard_of:
            _HEARING.begin(asked, verbs, self)

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
            _HEARING.end(asked, verbs, self)
        self._heard_of.clear()

    def told(
        self, asking: Any, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> list[Ear]:
        """Take note of a call, if a strategy of this run makes it; return the ears that did."""
        ears = [ear for ear in self._ears if ear.strategy is asking and not ear.acting]
        for ear in ears:
            self._verbs[name](ear, *args, **kwargs)
        return ears
