"""What a strategy subscribes to, and its timers: a replay must be called at the same times."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from capture_nautilus.encoding import encode

if TYPE_CHECKING:
    from collections.abc import Callable

    from capture_nautilus.ear import Ear

__all__ = ["SUBSCRIPTIONS", "TIMERS", "subscription", "timers"]

TIMERS: Final[dict[str, tuple[str, ...]]] = {
    "set_time_alert": ("name", "alert_time", "callback", "override", "allow_past"),
    "set_time_alert_ns": ("name", "alert_time_ns", "callback", "allow_past"),
    "set_timer": (
        "name", "interval", "start_time", "stop_time", "callback", "allow_past",
        "fire_immediately",
    ),
    "set_timer_ns": (
        "name", "interval_ns", "start_time_ns", "stop_time_ns", "callback", "allow_past",
        "fire_immediately",
    ),
    "cancel_timer": ("name",),
    "cancel_timers": (),
}  # fmt: skip
"""What a strategy asks of its clock, with the names of the arguments."""

SUBSCRIPTIONS: Final[dict[str, tuple[str, ...]]] = {
    "subscribe_bars": ("bar_type", "client_id", "update_catalog", "params"),
    "unsubscribe_bars": ("bar_type", "client_id", "params"),
    "subscribe_quote_ticks": ("instrument_id", "client_id", "update_catalog", "params"),
    "unsubscribe_quote_ticks": ("instrument_id", "client_id", "params"),
    "subscribe_trade_ticks": ("instrument_id", "client_id", "update_catalog", "params"),
    "unsubscribe_trade_ticks": ("instrument_id", "client_id", "params"),
    "subscribe_instrument": ("instrument_id", "client_id", "params"),
    "subscribe_order_fills": ("instrument_id",),
    "subscribe_signal": ("name",),
}
"""What a strategy subscribes to, with the names of the arguments."""


def _keep(ear: Ear, verb: str, given: dict[str, Any]) -> None:
    """Keep a call, and in which callback it was made."""
    lost: set[str] = set()
    text = encode(given, ear.is_placed, lost)
    ear.missing.update(f"{verb}.{name}" for name in lost)
    moment = {"phase": ear.phase, "callback": ear.number}
    ear.setup.append({"call": verb, "arguments": text, **moment})


def timers(ear: Ear) -> dict[str, Callable[..., Any]]:
    """Return what takes the place of the clock's methods: the strategy's callbacks are counted."""

    def setter(verb: str, names: tuple[str, ...]) -> Callable[..., Any]:
        def run(*args: Any, **kwargs: Any) -> Any:
            given = {**dict(zip(names, args, strict=False)), **kwargs}
            own = given.pop("callback", None)
            _keep(ear, verb, {**given, **({} if own is None else {"callback": True})})
            if own is not None:
                given["callback"] = _counted(ear, f"timer {given.get('name')}", own)
            return getattr(ear.clock, verb)(**given)

        return run

    return {verb: setter(verb, names) for verb, names in TIMERS.items()}


def _counted(ear: Ear, phase: str, own: Callable[..., Any]) -> Callable[..., Any]:
    def ring(event: Any) -> None:
        before = ear.enter(phase)
        try:
            own(event)
        except BaseException as exc:
            if ear.session is not None:
                ear.session.raised(exc)
            raise
        finally:
            ear.phase, ear.number, ear.acting = before

    return ring


def subscription(verb: str, own: Callable[..., Any]) -> Callable[..., Any]:
    """Return a method that keeps what a strategy subscribes to."""
    names = SUBSCRIPTIONS[verb]

    def run(self: Any, *args: Any, **kwargs: Any) -> Any:
        ear = self._capture
        if ear is not None and not ear.acting:
            _keep(ear, verb, {**dict(zip(names, args, strict=False)), **kwargs})
        return own(self, *args, **kwargs)

    run.__name__ = verb
    return run
