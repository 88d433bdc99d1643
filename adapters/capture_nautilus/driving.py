"""The class that stands in a strategy's place: its callbacks are counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from nautilus_trader.common.component import TimeEvent
from nautilus_trader.model.events import OrderInitialized
from nautilus_trader.trading.strategy import Strategy

from capture.recorder.adapting import likeness
from capture_nautilus.ear import OUTSIDE, Ear
from capture_nautilus.hearing import Hearing
from capture_nautilus.session import join

if TYPE_CHECKING:
    from collections.abc import Callable

    from capture.config import SignalCaptureConfig

__all__ = ["CALLBACKS", "TOLD", "callbacks_of", "captured", "phase_of"]

CALLBACKS: Final = tuple(
    name for name in dir(Strategy) if name.startswith("on_") and name not in {"on_save", "on_load"}
)
"""What the host calls of a strategy."""

TOLD: Final = frozenset(
    name for name in CALLBACKS if name.startswith(("on_order_", "on_position_", "on_event"))
) - {"on_order_book", "on_order_book_deltas", "on_order_book_depth"}
"""Those that tell of the strategy's orders and positions."""

_ENDS: Final = ("on_start", "on_stop", "on_reset", "on_dispose")


def callbacks_of(strategy: type) -> list[str]:
    """Return the callbacks that a strategy has of its own."""
    return [n for n in CALLBACKS if getattr(strategy, n) is not getattr(Strategy, n)]


def captured(strategy: type[Any], config: SignalCaptureConfig) -> type[Any]:
    """Return a subclass of the strategy, with its name, whose runs are recorded."""
    if "_made_of" in vars(strategy):  # captured already: once is enough
        strategy = vars(strategy)["_made_of"][0]
    names: dict[str, Any] = {
        **likeness(strategy),
        "_made_of": (strategy, config),
        "_capture": None,
    }
    for name in callbacks_of(strategy):
        if name not in _ENDS:
            names[name] = _heard(name, getattr(strategy, name))
    for name, make in zip(_ENDS, (_on_start, _on_stop, _on_end, _on_end), strict=True):
        names[name] = make(name, getattr(strategy, name), strategy, config)
    meta: Any = type(strategy)
    made: type[Any] = meta(strategy.__name__, (strategy, Hearing), names)
    return made


def phase_of(name: str, event: Any) -> str:
    """Return what a callback is called: timers are counted apart from what tells of orders."""
    return f"timer {event.name}" if type(event) is TimeEvent else name


# --- callbacks -----------------------------------------------------------------------------------


def _heard(name: str, own: Callable[..., Any]) -> Callable[..., Any]:
    if name in TOLD:
        return _told(name, own)
    return _on_bar(own) if name == "on_bar" else _heard_always(name, own)


def _heard_always(name: str, own: Callable[..., Any]) -> Callable[..., Any]:
    def callback(self: Any, *args: Any) -> Any:
        ear = self._capture
        if ear is None:
            return own(self, *args)
        before = ear.enter(name)
        try:
            return own(self, *args)
        except BaseException as exc:
            ear.session.raised(exc)
            raise
        finally:
            ear.phase, ear.number, ear.acting = before

    callback.__name__ = name
    return callback


def _on_bar(own: Callable[..., Any]) -> Callable[..., Any]:
    """Return what counts the callback that costs the most if it is counted dearly."""
    slowly = _heard_always("on_bar", own)

    def on_bar(self: Any, bar: Any) -> None:
        ear = self._capture
        if ear is None:
            own(self, bar)
            return
        if ear.observe is not None:
            ear.observe(bar)
        if ear.phase:
            slowly(self, bar)
            return
        ear.number = ear.bars = ear.bars + 1
        ear.phase = "on_bar"
        try:
            own(self, bar)
        except BaseException as exc:
            ear.session.raised(exc)
            raise
        ear.phase = OUTSIDE

    return on_bar


def _told(name: str, own: Callable[..., Any]) -> Callable[..., Any]:
    def callback(self: Any, event: Any) -> Any:
        ear = self._capture
        if ear is None:
            return own(self, event)
        before = ear.enter(phase_of(name, event))
        # What it hears of its own order before the host has looked at it tells it nothing.
        if type(event) not in {TimeEvent, OrderInitialized}:
            ear.read(name)
        try:
            return own(self, event)
        except BaseException as exc:
            ear.session.raised(exc)
            raise
        finally:
            ear.phase, ear.number, ear.acting = before

    callback.__name__ = name
    return callback


def _on_start(
    name: str, own: Callable[..., Any], strategy: type, config: SignalCaptureConfig
) -> Callable[..., Any]:
    def on_start(self: Any) -> None:
        check = getattr(strategy, "check_replay", None)
        if check is not None:  # before anything is written
            check(self)
        ear = Ear(self, strategy)
        join(ear, config)
        self._capture = ear
        _heard(name, own)(self)
        if self._capture is ear:
            ear.ready()

    return on_start


def _on_stop(
    name: str, own: Callable[..., Any], _strategy: type, _config: SignalCaptureConfig
) -> Callable[..., Any]:
    heard = _heard(name, own)

    def on_stop(self: Any) -> None:
        heard(self)
        ear = self._capture
        if ear is not None:
            ear.session.stopped(ear)

    return on_stop


def _on_end(
    name: str, own: Callable[..., Any], _strategy: type, _config: SignalCaptureConfig
) -> Callable[..., Any]:
    def on_end(self: Any) -> None:
        ear = self._capture
        if ear is not None:
            ear.session.abandon()
        own(self)

    on_end.__name__ = name
    return on_end
