"""A plugin that is registered by hand is let in, or refused with the mistake it makes."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from capture import hookimpl
from capture.contracts.info import BackendInfo
from capture.errors import PluginError
from capture.hookspecs import OBSERVATION_HOOKS
from capture.host import Host
from capture.host.checks import HOOKS

if TYPE_CHECKING:
    from collections.abc import Iterable


class Watch:
    @hookimpl
    def on_signal(self, signal: Any) -> None: ...


def test_an_object_is_registered_under_the_name_of_its_class() -> None:
    host = Host([])
    assert host.register(Watch()) == "Watch"
    assert host.register(Watch()) == "Watch-2"
    assert host.register(Watch(), name="third") == "third"
    assert [report.name for report in host.reports()] == ["Watch", "Watch-2", "third"]
    assert host.reports()[0].distribution is None


def test_a_module_is_registered_under_its_own_name() -> None:
    plugin = ModuleType("a_plugin")
    plugin.on_bar = hookimpl(lambda bar: None)
    assert Host([]).register(plugin) == "a_plugin"


def test_a_class_whose_hooks_are_static_needs_no_instance() -> None:
    class Static:
        @staticmethod
        @hookimpl
        def on_bar(bar: Any) -> None: ...

    assert Host([]).register(Static) == "Static"


def test_a_plugin_that_was_let_go_offers_nothing() -> None:
    class Offer:
        @hookimpl
        def register_backends(self) -> Iterable[BackendInfo]:
            yield BackendInfo("mine", dict)

    host, plugin = Host([]), Offer()
    host.register(plugin)
    host.unregister(plugin)
    assert host.backends() == {}
    host.register(plugin, name="again")
    host.unregister("again")
    assert host.reports() == []


def test_letting_go_of_a_stranger_is_refused() -> None:
    host = Host([])
    host.register(Watch())
    with pytest.raises(PluginError, match="it is not registered; there are: Watch"):
        host.unregister("Wach")
    with pytest.raises(PluginError, match="it is not registered"):
        host.unregister(Watch())


def test_a_plugin_that_is_left_out_is_not_let_in_by_hand_either(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CAPTURE_DISABLE_PLUGINS", "Watch")
    host = Host([])
    host.register(Watch())
    assert [report.state for report in host.reports()] == ["disabled"]
    assert not host.manager.get_plugins()


REFUSED = [
    ("@hookimpl\ndef on_singal(signal): ...", 'no hook "on_singal"; Did you mean "on_signal"'),
    ("@hookimpl\ndef jump(): ...", 'no hook "jump"; there are: on_run_start, on_bar'),
    ("@hookimpl(specname='on_sinal')\ndef watch(signal): ...", 'no hook "on_sinal"'),
    (
        "@hookimpl\ndef on_signal(sgnal): ...",
        'asks for "sgnal".*it is given signal, run. Did you mean "signal"',
    ),
    (
        "@hookimpl\ndef on_run_stop(run, summary, signal): ...",
        'asks for "signal", which it is not given; it is given run, summary',
    ),
    ("@hookimpl\ndef register_commands(run): ...", "it is given nothing"),
    (
        "@hookimpl\ndef on_bar(**values): ...",
        r"takes \*\*values, which stays empty; name its arguments: it is given bar, run",
    ),
    ("@hookimpl\ndef on_fill(*values): ...", "which stays empty"),
    ("@hookimpl\ndef on_status(*, change): ...", 'takes "change" by keyword only; leave out the'),
    ("@hookimpl\nasync def on_flush(report): ...", "on_flush is async; hooks are plain functions"),
    ("@hookimpl\ndef on_bar(bar): yield", "is a generator, so nothing in it would run"),
    ("@hookimpl(wrapper=True)\ndef on_bar(bar): ...", "a wrapper that never yields"),
    ("@hookimpl(wrapper=True)\ndef register_backends(): yield", "register_backends cannot be wra"),
    ("def on_signal(signal): ...", "not marked as a hook; put @capture.hookimpl before it"),
    ("def nothing(): ...", "this module implements no hook"),
]


@pytest.mark.parametrize(("source", "problem"), REFUSED)
def test_a_mistake_in_a_hook_is_refused(source: str, problem: str) -> None:
    plugin = ModuleType("a_plugin")
    exec(source, {"hookimpl": hookimpl}, vars(plugin))  # noqa: S102
    host = Host([])
    with pytest.raises(PluginError, match=problem) as caught:
        host.register(plugin)
    assert caught.value.plugin == "a_plugin"
    assert caught.value.mend
    assert host.reports() == []
    assert not host.manager.get_plugins()


def test_a_class_is_refused_where_its_hooks_need_an_instance() -> None:
    with pytest.raises(PluginError, match=r"needs an instance; register Watch\(\) instead"):
        Host([]).register(Watch)


def test_an_object_that_compares_by_value_is_refused() -> None:
    @dataclass
    class Counter:
        seen: int = 0

        @hookimpl
        def on_signal(self, signal: Any) -> None: ...

    with pytest.raises(PluginError, match=r"Counter objects compare by value.*eq=False"):
        Host([]).register(Counter())


def test_a_name_or_an_object_cannot_be_registered_twice() -> None:
    host, plugin = Host([]), Watch()
    host.register(plugin, name="watch")
    with pytest.raises(PluginError, match='the name is taken by plugin "watch"'):
        host.register(Watch(), name="watch")
    with pytest.raises(PluginError, match="it is already registered as 'watch'"):
        host.register(plugin)


def test_a_name_that_is_already_offered_is_refused_and_nothing_of_the_plugin_stays() -> None:
    class Mine:
        @hookimpl
        def register_backends(self) -> Iterable[BackendInfo]:
            yield BackendInfo("parquet", list)

        @hookimpl
        def on_signal(self, signal: Any) -> None: ...

    host = Host([])
    host.register(Mine(), name="first")
    with pytest.raises(PluginError, match='backend "parquet" is already offered by plugin "first"'):
        host.register(Mine(), name="second")
    assert [report.name for report in host.reports()] == ["first"]
    assert len(host.manager.get_plugins()) == 1


def test_a_hook_for_a_later_version_is_let_in_where_it_says_so() -> None:
    class Ahead(Watch):
        @hookimpl(optionalhook=True)
        def on_moon_landing(self, moon: Any) -> None: ...

    host = Host([])
    host.register(Ahead())
    assert host.reports()[0].offers == ("observer on_signal",)


def test_every_hook_has_a_spec_with_its_arguments() -> None:
    assert set(OBSERVATION_HOOKS) < set(HOOKS)
    assert all("run" in HOOKS[hook] and len(HOOKS[hook]) <= 2 for hook in OBSERVATION_HOOKS)
    assert all(
        HOOKS[hook] == () and hook.startswith("register_")
        for hook in set(HOOKS) - set(OBSERVATION_HOOKS)
    )
