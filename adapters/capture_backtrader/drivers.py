"""The methods by which the host drives a strategy, each of which lets the ear know of it.

The host's callbacks are told apart here, and not in `next` and its like, which the host's metaclass
moves about. Only the clock of the bars moves their numbers, so that they stay the same whatever
becomes of orders: of each step of the host, 4n is before the broker works, 4n + 1 after it, 4n + 2
while the strategy is notified, and 4n + 3 in `next`. 0 is `__init__`, 1 is `start`. What the host
calls at each bar is not among them: see `capture_backtrader.following`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import backtrader as bt

from capture_backtrader.bypassing import DirectCalls
from capture_backtrader.cutting import cut_feeds
from capture_backtrader.ear import IN_BAR, IN_NOTIFICATIONS, OPEN, Ear
from capture_backtrader.facts import host_settings
from capture_backtrader.session import join

if TYPE_CHECKING:
    from collections.abc import Callable

    from capture.config import SignalCaptureConfig

__all__ = ["drivers_for"]


def drivers_for(strategy: Any, config: SignalCaptureConfig) -> dict[str, Any]:
    """Return the methods of the captured class; each lets the strategy's own one do the work."""
    return {
        "__init__": _init(strategy),
        "_start": _start(strategy, config),
        "_stop": _stop(strategy),
        "_next_open": _entering(strategy, "_next_open", OPEN),
        "_oncepost_open": _entering(strategy, "_oncepost_open", OPEN),
        "notify_timer": _notify_timer(strategy),
        "notify_store": _entering(strategy, "notify_store", "notify_store"),
        "notify_data": _entering(strategy, "notify_data", "notify_data"),
        **_told(strategy),
    }


def _init(strategy: Any) -> Callable[..., None]:
    own = strategy.__init__

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807
        cls = type(self)
        cut_feeds(self)
        self._capture = ear = Ear(self, strategy if "_made_of" in vars(cls) else cls)
        ear.settings = host_settings(self.cerebro)
        with DirectCalls.at_birth(ear):
            own(self, *args, **kwargs)

    return __init__


def _start(strategy: Any, config: SignalCaptureConfig) -> Callable[[Any], None]:
    own = strategy._start

    def _start(self: Any) -> None:
        check = getattr(self, "_check_replay", None)
        if check is not None:  # a replay is refused before anything is written
            check()
        ear = self._capture
        ear.phase, ear.offset = "start", 1
        session = join(ear, config)
        try:
            own(self)
            ear.started()
        except BaseException as exc:
            session.raised(exc)
            raise

    return _start


def _stop(strategy: Any) -> Callable[[Any], None]:
    own = strategy._stop

    def _stop(self: Any) -> None:
        ear = self._capture
        if ear is None:
            own(self)
            return
        ear.enter("stop")
        try:
            own(self)
        except BaseException as exc:
            ear.session.raised(exc)
            raise
        ear.session.stopped(ear)

    return _stop


def _entering(strategy: Any, name: str, phase: str) -> Callable[..., Any]:
    own = getattr(strategy, name)

    def entering(self: Any, *args: Any, **kwargs: Any) -> Any:
        ear = self._capture
        if ear is None:
            return own(self, *args, **kwargs)
        before = ear.enter(phase)
        try:
            return own(self, *args, **kwargs)
        finally:
            ear.phase, ear.offset = before

    return entering


def _notify_timer(strategy: Any) -> Callable[..., Any]:
    own = strategy.notify_timer

    def notify_timer(self: Any, timer: Any, when: Any, *args: Any, **kwargs: Any) -> Any:
        ear = self._capture
        if ear is None:
            return own(self, timer, when, *args, **kwargs)
        before = ear.enter("notify_timer", slot=0 if timer.params.cheat else 1)
        try:
            return own(self, timer, when, *args, **kwargs)
        finally:
            ear.phase, ear.offset = before

    return notify_timer


def _told(strategy: Any) -> dict[str, Callable[..., Any]]:
    """Return the callbacks for events that the strategy has, each of which says which it is."""
    names = ("notify_order", "notify_trade", "notify_cashvalue", "notify_fund")
    return {
        name: _telling(name, getattr(strategy, name))
        for name in names
        if getattr(strategy, name) is not getattr(bt.Strategy, name)
    }


def _telling(name: str, own: Callable[..., Any]) -> Callable[..., Any]:
    def telling(self: Any, *said: Any) -> Any:
        ear = self._capture
        if ear is None:
            return own(self, *said)
        before = ear.phase, ear.offset
        ear.phase = name
        if ear.offset == IN_BAR:
            ear.offset = IN_NOTIFICATIONS
        try:
            return own(self, *said)
        finally:
            ear.phase, ear.offset = before

    return telling
