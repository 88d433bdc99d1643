"""What stands between a strategy and the host's own: it hears what the strategy asks of the host.

It comes after the strategy's class and before the host's, so that it hears what reaches the host: a
strategy may have methods of its own in the way, which let an order pass or not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from nautilus_trader.trading.strategy import Strategy

from capture_nautilus.arguments import NAMES
from capture_nautilus.perturbing import perturb
from capture_nautilus.setting_up import SUBSCRIPTIONS, subscription

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Hearing"]

_REGISTERING: Final = tuple(n for n in dir(Strategy) if n.startswith("register_indicator_"))


def _register(own: Callable[..., Any]) -> Callable[..., Any]:
    def register(self: Any, *args: Any, **kwargs: Any) -> None:
        self.__dict__.pop("_capture", None)
        own(self, *args, **kwargs)
        self._capture_restore = perturb(self)

    return register


def _registering(name: str, own: Callable[..., Any]) -> Callable[..., Any]:
    def register(self: Any, *args: Any, **kwargs: Any) -> None:
        own(self, *args, **kwargs)
        if self._capture is not None:
            self._capture.outgrown = True

    register.__name__ = name
    return register


# --- calls ---------------------------------------------------------------------------------------


def _call(verb: str, own: Callable[..., Any]) -> Callable[..., Any]:
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        ear = self._capture
        if ear is None or ear.acting:
            return own(self, *args, **kwargs)
        return ear.call(verb, own, args, kwargs)

    def submit_order(self: Any, *args: Any, **kwargs: Any) -> Any:
        ear = self._capture
        if ear is None:
            return own(self, *args, **kwargs)
        if ear.acting:
            if args:
                ear.submitted(args[0])
            return own(self, *args, **kwargs)
        return ear.call(verb, own, args, kwargs)

    made = submit_order if verb == "submit_order" else call
    made.__name__ = verb
    return made


# --- what it looks at ----------------------------------------------------------------------------


def _cache(self: Any) -> Any:
    ear = self._capture
    return Strategy.cache.__get__(self) if ear is None else ear.cache_seen


def _portfolio(self: Any) -> Any:
    ear = self._capture
    return Strategy.portfolio.__get__(self) if ear is None else ear.portfolio_seen


def _clock(self: Any) -> Any:
    ear = self._capture
    return Strategy.clock.__get__(self) if ear is None else ear.clock_seen


def _members() -> dict[str, Any]:
    members: dict[str, Any] = {
        "__module__": __name__,
        "__doc__": "A strategy whose calls are heard while an ear is on it.",
        "_capture": None,
        "register": _register(Strategy.register),
        "cache": property(_cache),
        "portfolio": property(_portfolio),
        "clock": property(_clock),
    }
    members |= {verb: _call(verb, getattr(Strategy, verb)) for verb in NAMES}
    members |= {n: _registering(n, getattr(Strategy, n)) for n in _REGISTERING}
    members |= {n: subscription(n, getattr(Strategy, n)) for n in SUBSCRIPTIONS}
    return members


Hearing: Any = type("Hearing", (Strategy,), _members())
