"""What is put on one algorithm while it runs: it hears what the strategy asks of the host.

The algorithm's class becomes one of two that are made for this run, derived from its own and under
its name: one that hears, while a function of the strategy runs, and one that hears of nothing but
the end, while the host is at work. So the host's work costs what it costs without us. The functions
of `zipline.api` look the algorithm up at each call, so that they reach it as well. When the run is
over, the algorithm has its own class again.
"""

from __future__ import annotations

import functools
import sys
from typing import TYPE_CHECKING, Any, Final

from capture.recorder.adapting import likeness
from capture_zipline.calls import VERBS
from capture_zipline.setting import SETTERS

if TYPE_CHECKING:
    from collections.abc import Callable

    from capture_zipline.session import Session

__all__ = ["Heard"]

_LOOKUPS: Final = ("symbol", "sid", "future_symbol")
_SYNCING: Final = ("portfolio", "account")
"""What the host computes when it is looked at; how often decides last digits of its figures."""
_ASKED: Final = ("get_open_orders", "get_order")
_HELD: Final = ("blotter",)


class Heard:
    """An algorithm that is heard while its strategy speaks, and not while the host is at work.

    Attributes:
        speaking: its class while the strategy speaks.
        at_rest: its class otherwise; when the run is over, both are its own.
    """

    def __init__(self, algorithm: Any, session: Session) -> None:
        """Hear an algorithm that is about to be initialized."""
        own = type(algorithm)
        self._algorithm = algorithm
        self._own = own
        self.at_rest = _derived(own, {"metrics_tracker": _ending(session)})
        self.speaking = _derived(
            self.at_rest,
            {
                "add_event": _add_event(own, session),
                "record": _record(own, session),
                "cancel_order": _cancel(own, session),
                **{name: _intent(name, own, session) for name in VERBS},
                **{name: _setting(name, own, session) for name in SETTERS},
                **{name: _lookup(name, own, session) for name in _LOOKUPS},
                **{name: _asked(name, own, session) for name in _ASKED},
                **{name: _syncing(name, own, session) for name in _SYNCING},
                **{name: _held(name, session) for name in _HELD},
            },
        )
        algorithm.__class__ = self.at_rest

    def end(self) -> None:
        """Let the algorithm be what it was."""
        self.at_rest = self.speaking = self._algorithm.__class__ = self._own


def _derived(own: Any, members: dict[str, Any]) -> Any:
    """Return a class with these members that looks like the one that it is derived from."""
    return type(own.__name__, (own,), {**likeness(own), **members})


def _intent(name: str, own: Any, session: Session) -> Callable[..., Any]:
    call = getattr(own, name)

    @functools.wraps(call)
    def heard(self: Any, *args: Any, **kwargs: Any) -> Any:
        return session.intent(name, functools.partial(call, self), args, kwargs)

    return heard


def _cancel(own: Any, session: Session) -> Callable[..., Any]:
    call = own.cancel_order

    @functools.wraps(call)
    def cancel_order(self: Any, *args: Any, **kwargs: Any) -> Any:
        return session.cancels(functools.partial(call, self), args, kwargs)

    return cancel_order


def _setting(name: str, own: Any, session: Session) -> Callable[..., Any]:
    call = getattr(own, name)

    @functools.wraps(call)
    def heard(self: Any, *args: Any, **kwargs: Any) -> Any:
        with session.carrying_out():
            result = call(self, *args, **kwargs)
        session.set(name, args, kwargs)
        return result

    return heard


def _lookup(name: str, own: Any, session: Session) -> Callable[..., Any]:
    call = getattr(own, name)

    @functools.wraps(call)
    def found(self: Any, *args: Any, **kwargs: Any) -> Any:
        asset = call(self, *args, **kwargs)
        session.came_across(asset)
        return asset

    return found


def _asked(name: str, own: Any, session: Session) -> Callable[..., Any]:
    call = getattr(own, name)

    @functools.wraps(call)
    def asked(self: Any, *args: Any, **kwargs: Any) -> Any:
        session.read(name)
        with session.carrying_out():
            return call(self, *args, **kwargs)

    return asked


def _syncing(name: str, own: Any, session: Session) -> property:
    get = getattr(own, name).fget

    def looked_at(self: Any) -> Any:
        session.read(name, syncs=True)
        return get(self)

    return property(looked_at)


def _held(name: str, session: Session) -> property:
    """Return a property over what the host keeps among the algorithm's own attributes."""

    def looked_at(self: Any) -> Any:
        session.read(name)
        return self.__dict__[name]

    def put(self: Any, value: Any) -> None:
        self.__dict__[name] = value

    return property(looked_at, put)


def _add_event(own: Any, session: Session) -> Callable[..., None]:
    @functools.wraps(own.add_event)
    def add_event(self: Any, rule: Any, callback: Any) -> None:
        own.add_event(self, rule, session.scheduled(callback))

    return add_event


def _record(own: Any, session: Session) -> Callable[..., None]:
    @functools.wraps(own.record)
    def record(self: Any, *args: Any, **kwargs: Any) -> None:
        own.record(self, *args, **kwargs)
        session.recorded({**dict(zip(args[::2], args[1::2], strict=False)), **kwargs})

    return record


def _ending(session: Session) -> property:
    """Return the attribute which the host clears when a run is over, however it ends."""

    def get(self: Any) -> Any:
        return self.__dict__["metrics_tracker"]

    def put(self: Any, value: Any) -> None:
        self.__dict__["metrics_tracker"] = value
        if value is None:
            session.over(sys.exc_info()[1])

    return property(get, put)
