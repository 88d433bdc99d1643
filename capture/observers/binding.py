"""Resolves a hook to the observers that listen, once per run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from capture.errors import UnknownName
from capture.hookspecs import OBSERVATION_HOOKS
from capture.observers.wrappers import is_special, through_pluggy

if TYPE_CHECKING:
    from collections.abc import Callable

    from pluggy import HookCaller, HookImpl, PluginManager

    from capture.events import RunInfo
    from capture.observers.failures import PluginFailures, Watched

    Observer = Callable[[Any], None]

__all__ = ["HasPlugins", "bind"]


class HasPlugins(Protocol):
    """Whatever keeps plugins; the host does."""

    @property
    def manager(self) -> PluginManager:
        """The plugins."""
        ...


class _Listener(NamedTuple):
    """One observer of a hook, as it is called."""

    function: Callable[..., Any]
    with_run: bool
    """Whether it is called with event and run; the event alone is all that the others are given."""
    watched: Watched


def bind(
    host: HasPlugins, hook_name: str, run: RunInfo, failures: PluginFailures
) -> Observer | None:
    """Return what tells a hook's observers of an event, or None where nobody listens.

    The result takes the hook's event: the argument beside `run`, or the run itself where there is
    no other. It may be called from several threads, and leaves it to `failures` what becomes of an
    error; only what is no Exception, such as KeyboardInterrupt, always gets through.

    Args:
        host: who knows the plugins.
        hook_name: an observation hook.
        run: the run that its observers are told of.
        failures: where the run keeps what went wrong.
    """
    if hook_name not in OBSERVATION_HOOKS:
        raise UnknownName("observation hook", hook_name, OBSERVATION_HOOKS)
    manager = host.manager
    caller: HookCaller = getattr(manager.hook, hook_name)
    implementations = caller.get_hookimpls()
    if not implementations:
        return None
    if is_special(caller, implementations):
        return through_pluggy(manager, caller, _event_argument(caller), run, failures)
    # pluggy calls them last in, first out, and sorts tryfirst and trylast into that.
    listeners = tuple(_listener(each, caller, run, failures) for each in reversed(implementations))
    if len(listeners) > 1:
        return _tell_several(listeners, hook_name, run, failures)
    if listeners[0].with_run:
        return _tell_one_with_run(listeners[0], hook_name, run, failures)
    return _tell_one(listeners[0], hook_name, failures)


# What follows is called for every event, so the policy is written out in each of the three instead
# of in a function of its own: that call would cost as much as all the rest.


def _tell_one(listener: _Listener, hook: str, failures: PluginFailures) -> Observer:
    function, _, watched = listener

    def tell(event: Any) -> None:
        if watched.disabled:
            return
        try:
            function(event)
        except Exception as error:
            if not failures.caught(watched, hook, error):
                raise

    return tell


def _tell_one_with_run(
    listener: _Listener, hook: str, run: RunInfo, failures: PluginFailures
) -> Observer:
    function, _, watched = listener

    def tell(event: Any) -> None:
        if watched.disabled:
            return
        try:
            function(event, run)
        except Exception as error:
            if not failures.caught(watched, hook, error):
                raise

    return tell


def _tell_several(
    listeners: tuple[_Listener, ...], hook: str, run: RunInfo, failures: PluginFailures
) -> Observer:
    plain = tuple((it.function, it.with_run, it.watched) for it in listeners)  # quicker to unpack

    def tell(event: Any) -> None:
        for function, with_run, watched in plain:
            if watched.disabled:
                continue
            try:
                if with_run:
                    function(event, run)
                else:
                    function(event)
            except Exception as error:
                if not failures.caught(watched, hook, error):
                    raise

    return tell


# --- the arguments that an observer asked for ----------------------------------------------------


def _event_argument(caller: HookCaller) -> str:
    names = caller.spec.argnames if caller.spec else ()
    return next((name for name in names if name != "run"), "run")


def _listener(
    implementation: HookImpl, caller: HookCaller, run: RunInfo, failures: PluginFailures
) -> _Listener:
    event_name = _event_argument(caller)
    function: Callable[..., Any] = implementation.function
    placed = implementation.argnames
    named = tuple(name for name in implementation.kwargnames if name in (event_name, "run"))
    with_run = not named and placed == (event_name, "run")
    if named or placed not in ((event_name,), (event_name, "run")):
        function = _fitted(function, placed, named, event_name, run)
    return _Listener(function, with_run, failures.watch(implementation.plugin_name))


def _fitted(
    function: Callable[..., Any],
    placed: tuple[str, ...],
    named: tuple[str, ...],
    event_name: str,
    run: RunInfo,
) -> Callable[[Any], Any]:
    """Return a function of the event alone that calls an observer with unusual arguments."""

    def call(event: Any) -> None:
        values = {"run": run, event_name: event}
        function(*[values[name] for name in placed], **{name: values[name] for name in named})

    return call
