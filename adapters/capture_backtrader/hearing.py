"""A layer between a strategy and the host's own Strategy: what the strategy asks of the host.

It stands in the order of classes directly before the host's class. So it hears what really reaches
the host, also where a strategy has a `buy` of its own. The host's metaclass is passed by when it is
made, for that would note down the class in the host's modules.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Final

import backtrader as bt

from capture_backtrader.calls import COMPOSITES, VERBS

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["hearing_for", "is_heard"]

_READS: Final = (
    "getposition",
    "getpositionbyname",
    "getpositions",
    "getpositionsbyname",
)
_PROPERTIES: Final = {
    "position": "getposition",
    "positionbyname": "getpositionbyname",
    "positions": "getpositions",
    "positionsbyname": "getpositionsbyname",
}


def hearing_for(strategy: type) -> type:
    """Return the layer for a strategy class.

    A strategy that overrides `buy` or `sell` changes what the host's other verbs lead to; then the
    orders that reach the host are the intents, and the other verbs are passed through.
    """
    verbs = [verb for verb in VERBS if verb not in _led_elsewhere(strategy)]
    return _layer(tuple(verbs))


def is_heard(function: Any) -> bool:
    """Return whether a function of a strategy's class is the layer's, and not one of its own."""
    return getattr(function, "__globals__", None) is globals()


def _led_elsewhere(strategy: Any) -> frozenset[str]:
    def own(verb: str) -> bool:
        return getattr(strategy, verb) is not getattr(bt.Strategy, verb)

    if own("buy") or own("sell"):
        return frozenset(COMPOSITES)
    targets = {verb for verb in COMPOSITES if verb.startswith("order_target")}
    if own("close"):
        return frozenset(targets)
    return frozenset({"order_target_percent"} if own("order_target_value") else ())


@functools.cache
def _layer(verbs: tuple[str, ...]) -> type:
    reads = {name: _read(name, getattr(bt.Strategy, name)) for name in _READS}
    names: dict[str, Any] = {
        "__module__": __name__,
        "__doc__": bt.Strategy.__doc__,
        "_capture": None,
        "cancel": _cancel(),
        "add_timer": _add_timer(),
        **{verb: _intent(verb, getattr(bt.Strategy, verb)) for verb in verbs},
        **reads,
        **{
            name: property(_seen(name, getattr(bt.Strategy, own)), doc=reads[own].__doc__)
            for name, own in _PROPERTIES.items()
        },
        **_sizers(),
    }
    layer: type = type.__new__(type(bt.Strategy), "Strategy", (bt.Strategy,), names)
    return layer


def _intent(verb: str, own: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(own)
    def heard(self: Any, *args: Any, **kwargs: Any) -> Any:
        ear = self._capture
        if ear is None or ear.acting:
            return own(self, *args, **kwargs)
        quick = ear.quick.get(verb)
        return ear.intent(verb, own, args, kwargs) if quick is None else quick(*args, **kwargs)

    return heard


def _cancel() -> Callable[..., Any]:
    own = bt.Strategy.cancel

    @functools.wraps(own)
    def cancel(self: Any, order: Any) -> Any:
        ear = self._capture
        if ear is None or ear.acting:
            return own(self, order)
        ear.cancels(order)
        ear.acting = True
        try:
            return own(self, order)
        finally:
            ear.acting = False

    return cancel


def _add_timer() -> Callable[..., Any]:
    own = bt.Strategy.add_timer

    @functools.wraps(own)
    def add_timer(self: Any, *args: Any, **kwargs: Any) -> Any:
        timer = own(self, *args, **kwargs)
        ear = self._capture
        if ear is not None:
            ear.timer_added(args, kwargs)
        return timer

    return add_timer


def _read(name: str, own: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(own)
    def read(self: Any, *args: Any, **kwargs: Any) -> Any:
        ear = self._capture
        if ear is not None and name not in ear.reads and not ear.acting:
            ear.read(name)
        return own(self, *args, **kwargs)

    return read


def _seen(name: str, own: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def seen(self: Any) -> Any:
        ear = self._capture
        if ear is not None and name not in ear.reads and not ear.acting:
            ear.read(name)
        return own(self)

    return seen


def _sizers() -> dict[str, Any]:
    own, own_added = bt.Strategy.setsizer, bt.Strategy._addsizer

    @functools.wraps(own)
    def setsizer(self: Any, sizer: Any) -> Any:
        ear = self._capture
        if ear is not None:
            ear.own_sizer = True
        return own(self, sizer)

    @functools.wraps(own_added)
    def _addsizer(self: Any, sizer: Any, *args: Any, **kwargs: Any) -> Any:
        added = own_added(self, sizer, *args, **kwargs)
        ear = self._capture
        if ear is not None:
            ear.own_sizer = False  # the host's user chose it
        return added

    return {
        "setsizer": setsizer,
        "_addsizer": _addsizer,
        "sizer": property(bt.Strategy.getsizer, setsizer),
    }
