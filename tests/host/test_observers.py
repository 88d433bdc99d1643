"""Hooks are bound once per run, and mean what a call through pluggy means."""

from __future__ import annotations

import threading
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pluggy
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from capture import hookimpl
from capture.errors import UnknownName
from capture.events import Bar, RunInfo
from capture.hookspecs import OBSERVATION_HOOKS
from capture.host import Host
from capture.host.checks import HOOKS
from capture.observers import PluginFailures, bind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BAR = Bar(symbol="GOOG", close=1.0)


def host_of(*plugins: object) -> Host:
    host = Host([])
    for plugin in plugins:
        host.register(plugin)
    return host


def plugin_with(**hooks: Callable[..., Any]) -> object:
    plugin = ModuleType("a_plugin")
    for name, function in hooks.items():
        setattr(plugin, name, function)
    return plugin


@pytest.mark.parametrize("hook", OBSERVATION_HOOKS)
def test_a_hook_that_nobody_observes_is_bound_to_nothing(hook: str, run: RunInfo) -> None:
    assert Host([]).bind(hook, run, PluginFailures()) is None


def test_only_observation_hooks_are_bound(run: RunInfo) -> None:
    with pytest.raises(UnknownName, match='Did you mean "on_signal"'):
        Host([]).bind("on_singal", run, PluginFailures())
    with pytest.raises(UnknownName):
        Host([]).bind("register_backends", run, PluginFailures())


@pytest.mark.parametrize("hook", OBSERVATION_HOOKS)
def test_an_observer_gets_the_event_and_the_run(hook: str, run: RunInfo) -> None:
    seen: list[Any] = []
    if hook == "on_run_start":
        observe: Any = hookimpl(lambda run: seen.append((run, run)))
    else:
        event_name = next(name for name in HOOKS[hook] if name != "run")
        namespace: dict[str, Any] = {"seen": seen}
        code = f"def observe({event_name}, run): seen.append(({event_name}, run))"
        exec(code, namespace)  # noqa: S102
        observe = hookimpl(namespace["observe"])
    tell = host_of(plugin_with(**{hook: observe})).bind(hook, run, PluginFailures())
    assert tell is not None
    event = run if hook == "on_run_start" else object()
    tell(event)
    assert seen == [(event, run)]


def test_an_observer_gets_the_arguments_it_asked_for_and_no_others(run: RunInfo) -> None:
    seen: dict[str, Any] = {}

    class Watch:
        @hookimpl(specname="on_bar")
        def nothing(self) -> None:
            seen["nothing"] = ()

        @hookimpl(specname="on_bar")
        def the_run(self, run: RunInfo) -> None:
            seen["the_run"] = (run,)

        @hookimpl(specname="on_bar")
        def the_bar(self, bar: Bar) -> None:
            seen["the_bar"] = (bar,)

        @hookimpl(specname="on_bar")
        def both(self, bar: Bar, run: RunInfo) -> None:
            seen["both"] = (bar, run)

        @hookimpl(specname="on_bar")
        def the_other_way_round(self, run: RunInfo, bar: Bar, /) -> None:
            seen["the_other_way_round"] = (run, bar)

        @hookimpl(specname="on_bar")
        def with_defaults(self, limit: int = 3, run: RunInfo | None = None) -> None:
            seen["with_defaults"] = (limit, run)

    tell = host_of(Watch()).bind("on_bar", run, PluginFailures())
    assert tell is not None
    tell(BAR)
    assert seen == {
        "nothing": (),
        "the_run": (run,),
        "the_bar": (BAR,),
        "both": (BAR, run),
        "the_other_way_round": (run, BAR),
        "with_defaults": (3, run),
    }


@pytest.mark.parametrize("count", [1, 2, 5])
def test_every_observer_is_told_last_in_first_out(count: int, run: RunInfo) -> None:
    seen: list[int] = []

    class Watch:
        def __init__(self, number: int) -> None:
            self.number = number

        @hookimpl
        def on_bar(self) -> None:
            seen.append(self.number)

    tell = host_of(*map(Watch, range(count))).bind("on_bar", run, PluginFailures())
    assert tell is not None
    tell(BAR)
    assert seen == list(reversed(range(count)))


@given(st.lists(st.sampled_from([{}, {"tryfirst": True}, {"trylast": True}]), max_size=6))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_bound_observers_are_told_in_the_order_of_a_call_through_pluggy(
    run: RunInfo, options: list[dict[str, bool]]
) -> None:
    seen: list[int] = []

    def watch(number: int, options: dict[str, bool]) -> object:
        @hookimpl(**options)
        def on_bar(bar: Bar, run: RunInfo) -> None:
            seen.append(number)

        return plugin_with(on_bar=on_bar)

    host = host_of(*(watch(number, option) for number, option in enumerate(options)))
    tell = host.bind("on_bar", run, PluginFailures())
    host.manager.hook.on_bar(bar=BAR, run=run)
    through_pluggy, seen = seen, []
    if tell is None:
        assert options == []
    else:
        tell(BAR)
    assert seen == through_pluggy


def test_what_comes_after_the_binding_is_not_told(run: RunInfo) -> None:
    seen: list[str] = []
    first = plugin_with(on_bar=hookimpl(lambda: seen.append("first")))
    late = plugin_with(on_bar=hookimpl(lambda: seen.append("late")))
    host = host_of(first)
    tell = host.bind("on_bar", run, PluginFailures())
    host.register(late)
    host.unregister(first)
    assert tell is not None
    tell(BAR)
    assert seen == ["first"]


def test_one_observer_may_be_told_from_many_threads(run: RunInfo) -> None:
    lock, seen = threading.Lock(), []

    class Watch:
        @hookimpl
        def on_bar(self, bar: Bar) -> None:
            with lock:
                seen.append(bar)

    tell = host_of(Watch(), Watch(), Watch()).bind("on_bar", run, PluginFailures())
    assert tell is not None
    threads = [threading.Thread(target=lambda: [tell(BAR) for _ in range(200)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 3 * 4 * 200


def test_a_wrapper_goes_around_the_other_observers(run: RunInfo) -> None:
    seen: list[str] = []

    class Watch:
        @hookimpl
        def on_bar(self, bar: Bar) -> None:
            seen.append("observer")

    class Around:
        @hookimpl(wrapper=True)
        def on_bar(self) -> Iterator[None]:
            seen.append("before")
            yield
            seen.append("after")

    class OldAround:
        @hookimpl(hookwrapper=True)
        def on_bar(self, bar: Bar, run: RunInfo) -> Iterator[None]:
            seen.append("old before")
            yield
            seen.append("old after")

    tell = host_of(OldAround(), Around(), Watch()).bind("on_bar", run, PluginFailures())
    assert tell is not None
    tell(BAR)
    assert seen == ["before", "old before", "observer", "old after", "after"]


class OtherHost:
    """A host whose hooks are called in other ways than ours."""

    def __init__(self, **options: bool) -> None:
        self.manager = pluggy.PluginManager("capture")

        @pluggy.HookspecMarker("capture")(**options)
        def on_bar(bar: Bar, run: RunInfo) -> None: ...

        self.manager.add_hookspecs(plugin_with(on_bar=on_bar))

    def register(self, on_bar: Callable[..., Any]) -> None:
        plugin = plugin_with(on_bar=hookimpl(on_bar))
        self.manager.register(plugin, name=f"plugin {id(plugin)}")


def test_a_hook_whose_first_result_counts_stops_at_it(run: RunInfo) -> None:
    seen: list[str] = []
    host = OtherHost(firstresult=True)
    host.register(on_bar=lambda: seen.append("never"))
    host.register(on_bar=lambda: seen.append("first") or "result")
    tell = bind(host, "on_bar", run, PluginFailures())
    assert tell is not None
    tell(BAR)
    assert seen == ["first"]


def test_a_hook_with_a_memory_tells_those_who_come_later(run: RunInfo) -> None:
    seen: list[str] = []
    host = OtherHost(historic=True)
    host.register(on_bar=lambda bar: seen.append("there"))
    tell = bind(host, "on_bar", run, PluginFailures())
    assert tell is not None
    tell(BAR)
    host.register(on_bar=lambda bar: seen.append("late"))
    assert seen == ["there", "late"]
