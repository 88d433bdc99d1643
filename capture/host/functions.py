"""Strategies that are made of functions: which backtester takes them, by their names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from capture.errors import WrongFunctions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from capture.contracts.info import AdapterInfo

__all__ = ["NO_STRATEGY", "functions_of", "takers"]

NO_STRATEGY: Final[Any] = object()
"""Stands where no strategy was given; None was, if anything."""


def takers(adapters: Mapping[str, AdapterInfo]) -> dict[str, tuple[str, ...]]:
    """Return the backtesters that take functions, and by which names."""
    return {name: info.functions for name, info in adapters.items() if info.functions}


def functions_of(
    adapters: Mapping[str, AdapterInfo], strategy: Any, said: Mapping[str, Any]
) -> tuple[AdapterInfo | None, dict[str, Any]]:
    """Return the functions among named arguments, and the adapter that takes them.

    Args:
        adapters: those there are, by name.
        strategy: what was given beside them, or `NO_STRATEGY`.
        said: the named arguments.

    Returns:
        None and nothing where there are no functions, but a strategy.

    Raises:
        WrongFunctions: there are functions that no backtester takes in this way.
    """
    names = takers(adapters)
    known = {word for words in names.values() for word in words}
    given = {word: value for word, value in said.items() if word in known}
    if not given:
        if strategy is NO_STRATEGY:
            raise WrongFunctions("needs a strategy, or the functions of one by name", names)
        return None, {}
    listed = " and ".join(sorted(given))
    if strategy is not NO_STRATEGY:
        problem = f"takes either a strategy or functions by name, and got {listed} beside one"
        raise WrongFunctions(problem, names)
    fitting = [info for info in adapters.values() if given.keys() <= set(info.functions)]
    if not fitting:
        raise WrongFunctions(f"knows no backtester that takes {listed} together", names)
    info = next((one for one in fitting if not one.missing()), fitting[0])
    mine = {info.name: info.functions}
    for word in info.needs:
        if given.get(word) is None:
            raise WrongFunctions(f"got {listed}, but no {word}", mine, info.needs)
    for word, value in given.items():
        if value is not None and not callable(value):
            problem = f"got {word}={value!r}, which is a {type(value).__name__} and no function"
            raise WrongFunctions(problem, mine, info.needs)
    return info, given
