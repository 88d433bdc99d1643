"""One heard call: what the user asked of vectorbt, and what its simulation was given."""

from __future__ import annotations

from functools import cached_property, lru_cache
from inspect import Parameter, Signature, signature
from time import time_ns
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from vectorbt._settings import settings

from capture_vectorbt.copying import made, now

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from capture_vectorbt.copying import Copies

__all__ = ["Call", "arguments_of", "defaults_of", "handed_over", "is_call_of", "names_of"]

_OF_PORTFOLIO: Final = ("fillna_close", "trades_type")
"""Settings that constructors hand through to the portfolio."""

_OTHER_NAMES: Final = {
    ("from_orders", "direction"): "order_direction",
    ("from_signals", "direction"): "signal_direction",
}


_WANTED: Final = (
    "entries",
    "exits",
    "long_entries",
    "long_exits",
    "short_entries",
    "short_exits",
)
"""The arrays of a simulation whose true cells are signals."""


class Call:
    """An outermost call of a constructor of `Portfolio`.

    What is derived from what was heard is derived when it is asked for: while the user waits,
    a call only takes references, and `keep` copies of what could change.

    Attributes:
        outer: the constructor that the user called.
        constructor: the constructor that was called last, which simulates.
        started_ns: when the user called.
        given: its arguments, in the form in which they are kept.
        answer: what its simulation returned, where it is not to be done again.
        settings: vectorbt's global settings of arguments at that moment.
    """

    def __init__(self, constructor: str, arguments: dict[str, Any]) -> None:
        """Begin with the call that the user made."""
        self.outer = constructor
        self.started_ns = time_ns()
        self.answer: tuple[Any, Any] | None = None
        self._simulation: tuple[Signature, dict[int, Any], dict[str, Any]] | None = None
        self.goes_on(constructor, arguments)

    def goes_on(self, constructor: str, arguments: dict[str, Any]) -> None:
        """Take note of a constructor that the one before hands its work to."""
        self.constructor = constructor
        self.given: Mapping[str, Any] = arguments
        every = settings["portfolio"].items()
        self.settings = {name: value for name, value in every if not isinstance(value, dict)}

    def simulates(self, form: Signature, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Take note of what the simulation is given, broadcast by the host."""
        self._simulation = form, dict(enumerate(args)), kwargs

    def signal_bars(self, bars: int) -> NDArray[np.int64] | None:
        """Return the bars that have signals; None if that is not known without a long look.

        It is asked before the call is kept.
        """
        if self._simulation is None:
            return None
        words = self._simulation[2]
        if not words.keys() >= set(_WANTED):
            return None
        wanted = np.zeros(bars, dtype=bool)
        for name in _WANTED:
            array = words[name]
            if array.dtype != np.bool_:
                return None
            if array.ndim == 1 and array.shape[0] == bars and words.get("flex_2d") is False:
                wanted |= array
            elif array.ndim == 2 and array.shape[0] == bars:
                wanted |= array[:, 0] if array.shape[1] == 1 else array.any(axis=1)
            elif array.any():
                return None
        return np.flatnonzero(wanted)

    @property
    def is_simulated(self) -> bool:
        """Whether its simulation was heard."""
        return self._simulation is not None

    def keep(self, copies: Copies) -> None:
        """Let nothing that the user does from now on change what was heard."""
        self.given = {name: copies.of(value) for name, value in self.given.items()}
        if self._simulation is not None:
            form, args, kwargs = self._simulation
            self._simulation = form, copies.left(args), copies.left(kwargs)

    @cached_property
    def arguments(self) -> dict[str, Any]:
        """Its arguments, as given."""
        return made(self.given)

    @cached_property
    def defaults(self) -> dict[str, Any]:
        """What vectorbt's global settings said of the other arguments at that moment."""
        from vectorbt.portfolio.base import Portfolio

        names = names_of(getattr(Portfolio, self.constructor))
        every = _known(self.constructor, names, self.settings)
        return {name: value for name, value in every.items() if self.given.get(name) is None}

    @cached_property
    def simulated(self) -> Mapping[str, Any] | None:
        """What the simulation was given; None if it was not heard."""
        if self._simulation is None:
            return None
        form, args, kwargs = self._simulation
        return form.bind(*map(now, args.values()), **made(kwargs)).arguments


@lru_cache(maxsize=256)  # a user's own classes have constructors of their own
def _form(constructor: Callable[..., Any]) -> Signature:
    return signature(constructor)


@lru_cache(maxsize=256)
def _rest(constructor: Callable[..., Any]) -> str | None:
    """Return the name under which a constructor takes whatever else it is given."""
    parameters = _form(constructor).parameters.values()
    return next((p.name for p in parameters if p.kind is Parameter.VAR_KEYWORD), None)


@lru_cache(maxsize=256)
def _places(constructor: Callable[..., Any]) -> tuple[tuple[str, ...], str | None]:
    """Return the names of the arguments that may be given by place, without that of the class.

    Beside them stands the name of what takes further ones.
    """
    kinds = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
    every = _form(constructor).parameters.values()
    further = next((p.name for p in every if p.kind is Parameter.VAR_POSITIONAL), None)
    return tuple(p.name for p in every if p.kind in kinds)[1:], further


def arguments_of(
    constructor: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the arguments as given, by name; those that the host writes into are copied.

    Whether they are arguments of the constructor is not asked here, see `is_call_of`.
    """
    names, further = _places(constructor)
    given = {**dict(zip(names, args, strict=False)), **kwargs}
    if further is not None and len(args) > len(names):
        given[further] = args[len(names) :]
    sequence: Any = given.get("call_seq")
    if isinstance(sequence, np.ndarray) or hasattr(sequence, "iloc"):
        given["call_seq"] = sequence.copy()  # sorted in place by the simulation
    return given


def is_call_of(
    constructor: Callable[..., Any], cls: type, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> bool:
    """Say whether a constructor can be called so at all; else the host says what is wrong."""
    try:
        _form(constructor).bind(cls, *args, **kwargs)
    except TypeError:
        return False
    return True


def handed_over(
    constructor: Callable[..., Any],
    cls: type,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    others: Mapping[str, Any],
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the arguments in the form that they were given in, with some others among them."""
    form, rest = _form(constructor), _rest(constructor)
    bound = form.bind(cls, *args, **kwargs)
    for name, value in others.items():
        if name in form.parameters:
            bound.arguments[name] = value
        elif rest is not None:
            bound.arguments[rest] = {**bound.arguments.get(rest, {}), name: value}
    return bound.args[1:], bound.kwargs


def names_of(constructor: Callable[..., Any]) -> tuple[str, ...]:
    """Return the names of the arguments that a bound constructor takes."""
    named = (
        name
        for name, parameter in signature(constructor).parameters.items()
        if parameter.kind is not Parameter.VAR_KEYWORD
    )
    return (*named, *_OF_PORTFOLIO)


def defaults_of(constructor: str, names: tuple[str, ...]) -> dict[str, Any]:
    """Return what vectorbt's global settings say of arguments that are not given."""
    return _known(constructor, names, settings["portfolio"])


def _known(constructor: str, names: tuple[str, ...], known: Mapping[str, Any]) -> dict[str, Any]:
    found = {name: _OTHER_NAMES.get((constructor, name), name) for name in names}
    return {name: known[there] for name, there in found.items() if there in known}
