"""What must be true of a plugin before it is let in; each mistake is named with its mend."""

from __future__ import annotations

import inspect
from inspect import Parameter
from typing import TYPE_CHECKING, Any, Final

from capture import hookspecs
from capture.errors import PluginError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pluggy import PluginManager

__all__ = ["HOOKS", "check_plugin"]

HOOKS: Final[Mapping[str, tuple[str, ...]]] = {
    name: tuple(inspect.signature(spec).parameters)
    for name, spec in vars(hookspecs).items()
    if hasattr(spec, f"{hookspecs.PROJECT}_spec")
}
"""Every hook there is, with the arguments it is given."""

_FILLED: Final = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)


def check_plugin(
    plugin: object, name: str, manager: PluginManager
) -> dict[str, list[Callable[..., Any]]]:
    """Return the plugin's implementations by hook, or refuse it with a PluginError."""
    hooks: dict[str, list[Callable[..., Any]]] = {}
    for attribute in dir(plugin):
        options: Any = manager.parse_hookimpl_opts(plugin, attribute)
        if not options:
            continue
        hook = options.get("specname") or attribute
        if hook not in HOOKS:
            if options.get("optionalhook"):
                continue
            raise PluginError(name, f'there is no hook "{hook}"', _hint(hook, HOOKS))
        _check_bound(plugin, attribute, name)
        function = getattr(plugin, attribute)
        _check_way_of_calling(function, hook, options, name)
        _check_arguments(function, hook, name)
        hooks.setdefault(hook, []).append(function)
    if not hooks:
        raise PluginError(name, *_nothing_in(plugin))
    _check_identity(plugin, name)
    return hooks


def _hint(wrong: str, known: Mapping[str, object]) -> str:
    return did_you_mean(wrong, known).strip() or f"there are: {', '.join(known)}"


def _nothing_in(plugin: object) -> tuple[str, str]:
    kind = "module" if inspect.ismodule(plugin) else type(plugin).__name__
    unmarked = [hook for hook in HOOKS if callable(getattr(plugin, hook, None))]
    if unmarked:
        return f"{unmarked[0]} is not marked as a hook", "put @capture.hookimpl before it"
    return (
        f"this {kind} implements no hook",
        "register a module or an object that has functions marked with @capture.hookimpl",
    )


def _check_bound(plugin: object, attribute: str, name: str) -> None:
    if not inspect.isclass(plugin):
        return
    static = inspect.getattr_static(plugin, attribute)
    if not isinstance(static, (staticmethod, classmethod)):
        raise PluginError(
            name,
            f"{plugin.__name__} is a class, and its {attribute} needs an instance",
            f"register {plugin.__name__}() instead",
        )


def _check_identity(plugin: object, name: str) -> None:
    try:
        hash(plugin)
    except TypeError:
        raise PluginError(
            name,
            f"{type(plugin).__name__} objects compare by value and cannot be told apart",
            "make it a dataclass with eq=False, or a plain class",
        ) from None


def _check_way_of_calling(
    function: Callable[..., Any], hook: str, options: Mapping[str, Any], name: str
) -> None:
    wraps = options.get("wrapper") or options.get("hookwrapper")
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        raise PluginError(name, f"{hook} is async", "hooks are plain functions; nobody awaits them")
    if wraps and hook not in hookspecs.OBSERVATION_HOOKS:
        raise PluginError(
            name, f"{hook} cannot be wrapped", "each plugin's offers are collected on their own"
        )
    if wraps and not inspect.isgeneratorfunction(function):
        raise PluginError(name, f"{hook} is a wrapper that never yields", "yield once in it")
    if not wraps and hook in hookspecs.OBSERVATION_HOOKS and inspect.isgeneratorfunction(function):
        raise PluginError(
            name,
            f"{hook} is a generator, so nothing in it would run",
            "leave out its yield, or mark it with @capture.hookimpl(wrapper=True)",
        )


def _check_arguments(function: Callable[..., Any], hook: str, name: str) -> None:
    given = HOOKS[hook]
    told = f"it is given {', '.join(given)}" if given else "it is given nothing"
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind in (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD):
            raise PluginError(
                name, f"{hook} takes {parameter}, which stays empty", f"name its arguments: {told}"
            )
        if parameter.default is not Parameter.empty:
            continue
        if parameter.kind not in _FILLED:
            raise PluginError(
                name,
                f'{hook} takes "{parameter.name}" by keyword only',
                f"leave out the star before it: {told}",
            )
        if parameter.name not in given:
            close = did_you_mean(parameter.name, given)
            raise PluginError(
                name,
                f'{hook} asks for "{parameter.name}", which it is not given',
                told + "." + close,
            )
