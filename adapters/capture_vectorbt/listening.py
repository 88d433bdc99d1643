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

from capture.errors import CaptureWarning
from capture_vectorbt.calls import Call, arguments_of, handed_over
from capture_vectorbt.indicators import Indicators
from capture_vectorbt.perturbing import perturbed
from capture_vectorbt.settings import unseen_in
from capture_vectorbt.writing import write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from capture.config import SignalCaptureConfig
    from capture_vectorbt.repeating import Repeats

__all__ = ["listening"]


class _Listener:
    """Whose runs are recorded, and how."""

    def __init__(
        self,
        config: SignalCaptureConfig,
        ended: Callable[[str], None],
        repeats: Repeats | None,
    ) -> None:
        self.config = config
        self.ended = ended
        self.repeats = repeats
        self.indicators = Indicators()
        self._warned: set[str] = set()

    def over(self, call: Call, portfolio: Any, error: BaseException | None) -> None:
        write(
            call,
            portfolio,
            error,
            config=self.config,
            indicators=self.indicators,
            ended=self.ended,
            repeats=self.repeats,
        )
        unseen = {name for name in unseen_in(call) if name not in self._warned}
        if unseen and error is None:
            self._warned |= unseen
            warnings.warn(
                f"{', '.join(sorted(unseen))} of Portfolio.{call.outer}: decisions inside compiled "
                "callbacks cannot be heard; orders, trades and equity are recorded all the same",
                CaptureWarning,
                stacklevel=4,
            )


_LISTENER: Final[ContextVar[_Listener | None]] = ContextVar("listener", default=None)
_CALL: Final[ContextVar[Call | None]] = ContextVar("call", default=None)


@contextmanager
def listening(
    config: SignalCaptureConfig,
    ended: Callable[[str], None],
    repeats: Repeats | None = None,
) -> Iterator[None]:
    """Record every outermost call that is made in this context.

    Args:
        config: how to record.
        ended: is told the identity of each run.
        repeats: what the run repeats, if it is a replay.
    """
    before = _LISTENER.get()
    _EARS.put_on()
    _LISTENER.set(_Listener(config, ended, repeats))
    try:
        yield
    finally:
        _LISTENER.set(before)
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
                for name, found in list(vars(Portfolio).items()):
                    if name.startswith("from_") and isinstance(found, classmethod):
                        self._replace(Portfolio, name, classmethod(_constructor(name, found)))
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
_SIMULATIONS: Final = (
    (dispatch, "simulate_from_orders"),
    (dispatch, "simulate_from_signals"),
    (nb, "simulate_from_signal_func_nb"),
)


def _constructor(name: str, own: classmethod[Any, Any, Any]) -> Callable[..., Any]:
    function: Callable[..., Any] = own.__func__

    @functools.wraps(function)
    def construct(cls: type, *args: Any, **kwargs: Any) -> Any:
        listener, outer = _LISTENER.get(), _CALL.get()
        if listener is None:
            return function(cls, *args, **kwargs)
        try:
            arguments = arguments_of(function, cls, args, kwargs)
        except TypeError:  # the host says what is wrong with the call
            return function(cls, *args, **kwargs)
        if outer is not None:
            outer.goes_on(name, arguments)
            return function(cls, *args, **kwargs)
        others = {} if listener.repeats is not None else perturbed(name, arguments)
        if others:
            arguments |= others
            args, kwargs = handed_over(function, cls, args, kwargs, others)
        call = Call(name, arguments)
        token = _CALL.set(call)
        try:
            portfolio = function(cls, *args, **kwargs)
        except BaseException as exc:
            listener.over(call, None, exc)
            raise
        finally:
            _CALL.reset(token)
        listener.over(call, portfolio, None)
        return portfolio

    return construct


def _simulation(own: Callable[..., Any]) -> Callable[..., Any]:
    form = inspect.signature(getattr(own, "py_func", own))

    @functools.wraps(getattr(own, "py_func", own))
    def simulate(*args: Any, **kwargs: Any) -> Any:
        call = _CALL.get()
        if call is not None:
            call.simulated = form.bind(*args, **kwargs).arguments
        return own(*args, **kwargs)

    return simulate


def _indicator(own: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(own)
    def make(self: Any, *args: Any, **kwargs: Any) -> None:
        own(self, *args, **kwargs)
        listener = _LISTENER.get()
        if listener is not None and _CALL.get() is None:
            listener.indicators.made(self)

    return make
