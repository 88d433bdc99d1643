"""A plugin that raises during a run does not break it, unless the user wants that."""

from __future__ import annotations

import json
import threading
import warnings
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from capture import hookimpl
from capture.errors import CaptureWarning
from capture.events import Bar
from capture.host import Host
from capture.observers import PluginFailures

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from capture.events import RunInfo

BAR = Bar(symbol="GOOG", close=1.0)


class Steady:
    """Counts what it is told, whatever happens to the others."""

    def __init__(self) -> None:
        self.bars = 0

    @hookimpl
    def on_bar(self, bar: Bar) -> None:
        self.bars += 1


class Failing:
    """Raises when it is told of a bar."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error or ValueError("no such bar")
        self.bars = self.starts = 0

    @hookimpl
    def on_run_start(self, run: RunInfo) -> None:
        self.starts += 1

    @hookimpl
    def on_bar(self, bar: Bar, run: RunInfo) -> None:
        self.bars += 1
        raise self.error


def bound(
    run: RunInfo, failures: PluginFailures, *plugins: object, hook: str = "on_bar"
) -> Callable[[Any], None]:
    host = Host([])
    for plugin in plugins:
        host.register(plugin)
    tell = host.bind(hook, run, failures)
    assert tell is not None
    return tell


@pytest.mark.parametrize("others", [0, 1, 3])
def test_a_failing_observer_is_named_counted_and_disabled(run: RunInfo, others: int) -> None:
    failures, failing = PluginFailures(), Failing()
    steady = [Steady() for _ in range(others)]
    tell = bound(run, failures, *steady[1:], failing, *steady[:1])
    expected = r'plugin "Failing" is disabled .* on_bar raised ValueError: no such bar'
    with pytest.warns(CaptureWarning, match=expected) as warned:
        deque(map(tell, [BAR] * 3), maxlen=0)
    assert len(warned) == 1
    assert warned[0].filename == __file__
    assert failing.bars == 1
    assert [each.bars for each in steady] == [3] * others
    assert failures.counts == {"Failing": 1}
    assert failures.disabled == ("Failing",)
    assert failures.to_dict() == {
        "Failing": {
            "count": 1,
            "hook": "on_bar",
            "error": "ValueError: no such bar",
            "disabled": True,
        }
    }


@pytest.mark.parametrize("arguments", ["", "bar", "bar, run", "run", "run, bar", "bar, run=None"])
def test_the_policy_holds_whatever_arguments_an_observer_takes(
    run: RunInfo, arguments: str
) -> None:
    namespace: dict[str, Any] = {}
    exec(f"def on_bar({arguments}): raise ValueError('no')", namespace)  # noqa: S102
    plugin = ModuleType("a_plugin")
    plugin.on_bar = hookimpl(namespace["on_bar"])
    failures = PluginFailures()
    tell = bound(run, failures, plugin)
    with pytest.warns(CaptureWarning):
        tell(BAR)
    tell(BAR)
    assert failures.counts == {"a_plugin": 1}


def test_a_disabled_plugin_is_disabled_in_all_its_hooks_for_this_run_only(run: RunInfo) -> None:
    host, failing = Host([]), Failing()
    host.register(failing)
    failures = PluginFailures()
    tell = host.bind("on_bar", run, failures)
    start = host.bind("on_run_start", run, failures)
    assert tell is not None
    assert start is not None
    with pytest.warns(CaptureWarning):
        tell(BAR)
    start(run)
    assert failing.starts == 0
    next_start = host.bind("on_run_start", run, PluginFailures())
    assert next_start is not None
    next_start(run)
    assert failing.starts == 1


def test_nothing_failed_where_nobody_raised(run: RunInfo) -> None:
    failures = PluginFailures()
    bound(run, failures, Steady())(BAR)
    assert len(failures) == 0
    assert failures.counts == {}
    assert failures.to_dict() == {}
    assert failures.disabled == ()


@pytest.mark.parametrize("others", [0, 1])
def test_an_error_gets_through_where_the_user_wants_that(run: RunInfo, others: int) -> None:
    failures, failing = PluginFailures("raise"), Failing()
    tell = bound(run, failures, *(Steady() for _ in range(others)), failing)
    for _ in range(2):
        with pytest.raises(ValueError, match="no such bar") as caught:
            tell(BAR)
        assert caught.value is failing.error
    assert 'raised by the capture plugin "Failing" in on_bar' in failing.error.__notes__
    assert failures.counts == {"Failing": 2}
    assert failures.disabled == ()


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(2)])
@pytest.mark.parametrize("others", [0, 1])
def test_the_end_of_the_process_always_gets_through(
    run: RunInfo, error: BaseException, others: int
) -> None:
    failures = PluginFailures()
    tell = bound(run, failures, *(Steady() for _ in range(others)), Failing(error))
    with pytest.raises(type(error)):
        tell(BAR)
    assert failures.counts == {}


def test_a_run_goes_on_where_warnings_are_errors_and_the_failure_is_logged(
    run: RunInfo, caplog: pytest.LogCaptureFixture
) -> None:
    failures, failing = PluginFailures(), Failing()
    tell = bound(run, failures, failing)
    with warnings.catch_warnings():
        warnings.simplefilter("error", CaptureWarning)
        tell(BAR)
        tell(BAR)
    assert failing.bars == 1
    assert failures.counts == {"Failing": 1}
    (logged,) = caplog.messages
    assert 'plugin "Failing" is disabled for the rest of this run' in logged


def test_an_observer_that_fails_in_many_threads_is_warned_of_once(run: RunInfo) -> None:
    failures, barrier = PluginFailures(), threading.Barrier(4)

    class Slow:
        @hookimpl
        def on_bar(self, bar: Bar) -> None:
            barrier.wait()
            raise ValueError("all at once")

    tell = bound(run, failures, Slow())
    with pytest.warns(CaptureWarning) as warned, ThreadPoolExecutor(4) as threads:
        deque(threads.map(tell, [BAR] * 4), maxlen=0)
    assert len(warned) == 1
    assert failures.counts == {"Slow": 4}
    assert failures.disabled == ("Slow",)


class Unprintable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


@pytest.mark.parametrize(
    "error", [Unprintable(), ValueError("x" * 10_000), ValueError("a\nb\ud800"), ValueError()]
)
def test_the_record_of_an_error_is_one_short_line_whatever_its_text(
    run: RunInfo, error: Exception
) -> None:
    failures = PluginFailures()
    with pytest.warns(CaptureWarning):
        bound(run, failures, Failing(error))(BAR)
    text = failures.to_dict()["Failing"]["error"]
    assert text.startswith((type(error).__name__, f"{__name__}.{type(error).__qualname__}"))
    assert len(text) < 600
    assert "\n" not in text
    json.dumps(failures.to_dict(), ensure_ascii=False).encode()


class Around:
    """A wrapper, which makes every call go through pluggy."""

    def __init__(self, fail: str = "") -> None:
        self.fail, self.bars = fail, 0

    @hookimpl(wrapper=True)
    def on_bar(self) -> Iterator[None]:
        self.bars += 1
        if self.fail == "before":
            raise ValueError("before")
        if self.fail != "silent":
            yield
        if self.fail == "after":
            raise ValueError("after")


@pytest.mark.parametrize("wrapper_first", [True, False])
def test_an_observer_that_fails_inside_a_wrapper_is_the_one_that_is_disabled(
    run: RunInfo, wrapper_first: bool
) -> None:
    failures, failing, steady, around = PluginFailures(), Failing(), Steady(), Around()
    plugins = (around, failing, steady) if wrapper_first else (steady, failing, around)
    tell = bound(run, failures, *plugins)
    with pytest.warns(CaptureWarning, match='plugin "Failing" is disabled'):
        tell(BAR)
    before = steady.bars
    tell(BAR)
    tell(BAR)
    assert failures.counts == {"Failing": 1}
    assert failing.bars == 1
    assert steady.bars == before + 2
    assert around.bars == 3


@pytest.mark.parametrize("fail", ["before", "after", "silent"])
def test_a_wrapper_that_fails_is_disabled_and_the_others_go_on(run: RunInfo, fail: str) -> None:
    failures, steady, around = PluginFailures(), Steady(), Around(fail)
    tell = bound(run, failures, steady, around)
    with pytest.warns(CaptureWarning, match='plugin "Around" is disabled'):
        tell(BAR)
    before = steady.bars
    tell(BAR)
    assert failures.counts == {"Around": 1}
    assert around.bars == 1
    assert steady.bars == before + 1


def test_of_two_objects_of_one_class_only_the_failing_one_is_disabled(run: RunInfo) -> None:
    failures, first, second = PluginFailures(), Around("after"), Around()
    tell = bound(run, failures, Steady(), first, second)
    with pytest.warns(CaptureWarning):
        tell(BAR)
    tell(BAR)
    assert failures.disabled == ("Around",)
    assert (first.bars, second.bars) == (1, 2)


def test_an_error_gets_through_a_wrapper_where_the_user_wants_that(run: RunInfo) -> None:
    failures = PluginFailures("raise")
    tell = bound(run, failures, Failing(), Around())
    with pytest.raises(ValueError, match="no such bar"):
        tell(BAR)
    assert failures.counts == {"Failing": 1}


def test_an_interrupt_gets_through_a_wrapper(run: RunInfo) -> None:
    with pytest.raises(KeyboardInterrupt):
        bound(run, PluginFailures(), Failing(KeyboardInterrupt()), Around())(BAR)
