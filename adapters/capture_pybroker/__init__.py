"""Signal Capture for pybroker: execution functions, recorded by one line."""

from __future__ import annotations

import functools
import inspect
import sys
from typing import TYPE_CHECKING, Any, Final

from capture import hookimpl
from capture.contracts.info import AdapterInfo

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from capture.contracts.fill_rules import FillRules


_UNSAID: Final = (inspect.Parameter.empty, Any, object, "Any", "object")
_CONTEXT: Final = ("ExecContext", "pybroker.ExecContext", "pybroker.context.ExecContext")


def _accepts(strategy: object) -> bool:
    """Return whether pybroker, which then is imported already, could run it as an execution.

    An execution is a plain function. One that says it takes an `ExecContext` is pybroker's; one
    that says nothing of its first parameter may be; one that says anything else is not.
    """
    if (
        "pybroker.context" not in sys.modules
        or isinstance(strategy, type)
        or not callable(strategy)
    ):
        return False
    first = _first_parameter(strategy)
    if first is None:
        return False
    if first.annotation not in _UNSAID:
        return getattr(first.annotation, "__name__", first.annotation) in _CONTEXT
    plain = (functools.partial, functools.partialmethod)
    return inspect.isroutine(strategy) or isinstance(strategy, plain) or _ours(strategy)


def _ours(strategy: object) -> bool:
    """Return whether it was wrapped before, or is a replay."""
    return type(strategy).__module__.partition(".")[0] == __name__


def _first_parameter(call: Any) -> inspect.Parameter | None:
    """Return the parameter that takes the context; None if there is none."""
    try:
        parameters = list(inspect.signature(call).parameters.values())
    except (TypeError, ValueError):
        return None
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return parameters[0] if parameters and parameters[0].kind in kinds else None


def _load() -> Any:
    from capture_pybroker.adapter import PybrokerAdapter

    return PybrokerAdapter()


def _rules(settings: Mapping[str, Any]) -> FillRules | None:
    from capture_pybroker.fill_rules import rules

    return rules(settings)


@hookimpl
def register_adapters() -> Iterator[AdapterInfo]:
    """Offer the adapter."""
    yield AdapterInfo(
        "pybroker",
        load=_load,
        extra="pybroker",
        requires=("pybroker",),
        summary="execution functions of pybroker",
        accepts=_accepts,
        rules=_rules,
    )
