"""Hearing vectorbt, while somebody listens: constructors, simulations, indicators."""

from __future__ import annotations

import functools
import inspect
import warnings
from contextlib import contextmanager
from contextvars import ContextVar
from threading import RLock
from typing import TYPE_CHECKING, Any, Final

from vectorbt.indicators.factory import IndicatorBase
from vectorbt.portfolio import dispatch, nb
from vectorbt.portfolio.base import Portfolio

from capture.contracts.perturbing import rehearsal
from capture.errors import CaptureWarning
from capture_vectorbt.calls import Call, arguments_of, handed_over, is_call_of
from capture_vectorbt.indicators import Indicators
from capture_vectorbt.perturbing import perturbed
from capture_vectorbt.settings import unseen_in
from capture_vectorbt.waiting import Waiting
from capture_vectorbt.writing import write, write_failed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from capture.config import SignalCaptureConfig
    from capture_vectorbt.repeating import Repeats
    from capture_vectorbt.waiting import Heard

__all__ = ["heard_as", "listening"]


class _Listener:
    """Whose runs are recorded, and how."""

    def __init__(
        self,
        config: SignalCaptureConfig,
        ended: Callable[[str], None],
        repeats: Repeats | None,
    ) -> None:
        self.repeats = repeats
        self.indicators = Indicators()
        self._config = config
        self._ended = ended
        self._warned: set[str] = set()
        # A rehearsal and a replay are recorded while what asked for them is still there.
        patient = repeats is None and rehearsal() is None
        self.waiting = Waiting(config, self._write, patient=patient)

    def returned(self, call: Call, portfolio: Any) -> None:
        self.waiting.hear(call, portfolio, self.indicators)
        unseen = {name for name in unseen_in(call) if name not in self._warned}
        if unseen:
            self._warned |= unseen
            warnings.warn(
                f"{', '.join(sorted(unseen))} of Portfolio.{call.outer}: decisions inside compiled "
                "callbacks cannot be heard; orders, trades and equity are recorded all the same",
                CaptureWarning,
                stacklevel=4,
            )

    def raised(self, call: Call, error: BaseException) -> None:
        self.waiting.flush()
        said: Any = {"config": self._config, "repeats": self.repeats, "ended": self._ended}
        write_failed(call, error, self.indicators, **said)

    def _write(self, heard: Heard) -> None:
        write(heard, config=self._config, repeats=self.repeats, ended=self._ended)


_LISTENER: Final[ContextVar[_Listener | None]] = ContextVar("listener", default=None)
_CALL: Final[ContextVar[Call | None]] = ContextVar("call", default=None)


@contextmanager
def listening(
    config: SignalCaptureConfig,
    ended: Callable[[str], None],
    repeats: Repeats | None = None,
) -> Iterator[Callable[[], None]]:
    """Record every outermost call that is made in this context; what it yields writes what waits.

    Args:
        config: how to record.
        ended: is told the identity of each run.
        repeats: what the run repeats, if it is a replay.
    """
    before, listener = _LISTENER.get(), _Listener(config, ended, repeats)
    _EARS.put_on()
    _LISTENER.set(listener)
    try:
        yield listener.waiting.flush
    finally:
        _LISTENER.set(before)
        _EARS.take_off()
        listener.waiting.close()


def heard_as(call: Call, make: Callable[[], Any]) -> Any:
    """Return what a function makes; its simulation is heard as that of a call, and answered."""
    _EARS.put_on()
    token = _CALL.set(call)
    try:
        return make()
    finally:
        _CALL.reset(token)
        _EARS.take_off()


class _Ears:
    """The changes in vectorbt, which are there as long as anybody listens, in whatever thread."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._listeners = 0
        self._own: list[tuple[Any, str, Any]] = []

    def put_on(self) -> None:
        with self._lock:
            self._listeners += 1
            if self._listeners == 1:
                for name in _CONSTRUCTORS:
                    own = vars(Portfolio)[name]
                    self._replace(Portfolio, name, classmethod(_constructor(name, own)))
                self._replace(IndicatorBase, "__init__", _indicator(IndicatorBase.__init__))
                for place, name in _SIMULATIONS:
                    self._replace(place, name, _simulation(getattr(place, name)))

    def take_off(self) -> None:
        with self._lock:
            self._listeners -= 1
            if not self._listeners:
                while self._own:
                    setattr(*self._own.pop())

    def _replace(self, place: Any, name: str, ear: Any) -> None:
        self._own.append((place, name, vars(place)[name]))
        setattr(place, name, ear)


_EARS: Final = _Ears()
_CONSTRUCTORS: Final = tuple(
    name
    for name, found in vars(Portfolio).items()
    if name.startswith("from_") and isinstance(found, classmethod)
)
_once: Final = functools.lru_cache(maxsize=64)
"""An ear is made once for what it hears: to make one takes longer than to put it on."""

_SIMULATIONS: Final = (
    (dispatch, "simulate_from_orders"),
    (dispatch, "simulate_from_signals"),
    (nb, "simulate_from_signal_func_nb"),
)


@_once
def _constructor(name: str, own: classmethod[Any, Any, Any]) -> Callable[..., Any]:
    function: Callable[..., Any] = own.__func__

    @functools.wraps(function)
    def construct(cls: type, *args: Any, **kwargs: Any) -> Any:
        listener, outer = _LISTENER.get(), _CALL.get()
        if listener is None:
            return function(cls, *args, **kwargs)
        arguments = arguments_of(function, args, kwargs)
        if outer is not None:
            outer.goes_on(name, arguments)
            return function(cls, *args, **kwargs)
        others = {} if listener.repeats is not None else perturbed(name, arguments)
        if others and is_call_of(function, cls, args, kwargs):
            arguments |= others
            args, kwargs = handed_over(function, cls, args, kwargs, others)
        listener.waiting.prepare()
        call = Call(name, arguments)
        token = _CALL.set(call)
        try:
            portfolio = function(cls, *args, **kwargs)
        except BaseException as exc:
            if not isinstance(exc, TypeError) or is_call_of(function, cls, args, kwargs):
                listener.raised(call, exc)
            raise
        finally:
            _CALL.reset(token)
        listener.returned(call, portfolio)
        return portfolio

    return construct


@_once
def _simulation(own: Callable[..., Any]) -> Callable[..., Any]:
    form = inspect.signature(getattr(own, "py_func", own))

    @functools.wraps(getattr(own, "py_func", own))
    def simulate(*args: Any, **kwargs: Any) -> Any:
        call = _CALL.get()
        if call is not None:
            call.simulates(form, args, kwargs)
            if call.answer is not None:
                return call.answer
        return own(*args, **kwargs)

    return simulate


@_once
def _indicator(own: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(own)
    def make(self: Any, *args: Any, **kwargs: Any) -> None:
        own(self, *args, **kwargs)
        listener = _LISTENER.get()
        if listener is not None and _CALL.get() is None:
            listener.indicators.made(self)

    return make
