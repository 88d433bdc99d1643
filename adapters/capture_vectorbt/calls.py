"""One heard call: what the user asked of vectorbt, and what its simulation was given."""

from __future__ import annotations

from inspect import Parameter, Signature, signature
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Call", "arguments_of", "defaults_of", "handed_over", "names_of"]

_OF_PORTFOLIO: Final = ("fillna_close", "trades_type")
"""Settings that constructors hand through to the portfolio."""

_OTHER_NAMES: Final = {
    ("from_orders", "direction"): "order_direction",
    ("from_signals", "direction"): "signal_direction",
}


class Call:
    """An outermost call of a constructor of `Portfolio`.

    Attributes:
        outer: the constructor that the user called.
        constructor: the constructor that was called last, which simulates.
        arguments: its arguments, as given.
        defaults: what vectorbt's global settings said of the others at that moment.
        simulated: what the simulation was given, broadcast by the host; None if it was not heard.
    """

    def __init__(self, constructor: str, arguments: dict[str, Any]) -> None:
        """Begin with the call that the user made."""
        self.outer: Final = constructor
        self.simulated: Mapping[str, Any] | None = None
        self.goes_on(constructor, arguments)

    def goes_on(self, constructor: str, arguments: dict[str, Any]) -> None:
        """Take note of a constructor that the one before hands its work to."""
        from vectorbt.portfolio.base import Portfolio

        self.constructor = constructor
        self.arguments = arguments
        names = names_of(getattr(Portfolio, constructor))
        every = defaults_of(constructor, names)
        self.defaults = {n: v for n, v in every.items() if arguments.get(n) is None}


def arguments_of(
    constructor: Callable[..., Any], cls: type, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the arguments as given, by name; those that the host writes into are copied."""
    form: Signature = signature(constructor)
    given = dict(form.bind(cls, *args, **kwargs).arguments)
    del given[next(iter(form.parameters))]
    for name, parameter in form.parameters.items():
        if parameter.kind is Parameter.VAR_KEYWORD:
            given |= given.pop(name, {})
    sequence: Any = given.get("call_seq")
    if isinstance(sequence, np.ndarray) or hasattr(sequence, "iloc"):
        given["call_seq"] = sequence.copy()  # sorted in place by the simulation
    return given


def handed_over(
    constructor: Callable[..., Any],
    cls: type,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    others: Mapping[str, Any],
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the arguments in the form that they were given in, with some others among them."""
    form = signature(constructor)
    bound = form.bind(cls, *args, **kwargs)
    [rest] = [p.name for p in form.parameters.values() if p.kind is Parameter.VAR_KEYWORD]
    for name, value in others.items():
        if name in form.parameters:
            bound.arguments[name] = value
        else:
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
    from vectorbt._settings import settings

    known = settings["portfolio"]
    found = {name: _OTHER_NAMES.get((constructor, name), name) for name in names}
    return {name: known[there] for name, there in found.items() if there in known}
