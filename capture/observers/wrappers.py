"""The way through pluggy itself, for hooks that have wrappers or whose results count."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import CodeType

    from pluggy import HookCaller, HookImpl, PluginManager

    from capture.events import RunInfo
    from capture.observers.failures import PluginFailures

__all__ = ["is_special", "through_pluggy"]


def is_special(caller: HookCaller, implementations: Sequence[HookImpl]) -> bool:
    """Say whether calling one implementation after the other would not be the same."""
    options: Any = caller.spec.opts if caller.spec else {}
    return (
        caller.is_historic()
        or bool(options.get("firstresult"))
        or any(each.wrapper or each.hookwrapper for each in implementations)
    )


def through_pluggy(
    manager: PluginManager,
    caller: HookCaller,
    event_name: str,
    run: RunInfo,
    failures: PluginFailures,
) -> Callable[[Any], None]:
    """Return a function that makes the real hook call, without the plugins that are disabled.

    Within one call pluggy stops at the first error, so observers that come after the one that
    failed miss this event; they get the next.
    """

    def tell(event: Any) -> None:
        disabled = [manager.get_plugin(name) for name in failures.disabled]
        call = manager.subset_hook_caller(caller.name, disabled)
        arguments = {"run": run, event_name: event}
        try:
            if call.is_historic():
                call.call_historic(kwargs=arguments)
            else:
                call(**arguments)
        except Exception as error:
            for name in _to_blame(error, call.get_hookimpls()):
                if not failures.caught(failures.watch(name), caller.name, error):
                    raise

    return tell


def _to_blame(error: Exception, implementations: Sequence[HookImpl]) -> list[str]:
    """Return the plugin whose code the error came from.

    It comes from no plugin's code where pluggy complains about a wrapper that did not yield.
    """
    blamed = None
    for frame, _line in traceback.walk_tb(error.__traceback__):
        for each in implementations:
            if frame.f_code in _codes(each.function) and _is_own(frame.f_locals, each):
                blamed = each.plugin_name
    if blamed is not None:
        return [blamed]
    return [each.plugin_name for each in implementations if each.wrapper or each.hookwrapper]


def _codes(function: Any) -> list[CodeType]:
    """Return the code of a function and of those that it decorates."""
    codes = []
    while function is not None:
        codes.append(getattr(function, "__func__", function).__code__)
        function = getattr(function, "__wrapped__", None)
    return codes


def _is_own(variables: dict[str, Any], implementation: HookImpl) -> bool:
    """Tell two objects of one class apart, which share their code."""
    bound_to = getattr(implementation.function, "__self__", None)
    return bound_to is None or any(value is bound_to for value in variables.values())
