"""What plugins offer is found by name, and nobody is overridden in silence."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from capture import hookimpl
from capture.contracts.info import (
    AdapterInfo,
    AnalysisInfo,
    BackendInfo,
    ClassifierInfo,
    CommandInfo,
    ExecutorInfo,
    Info,
    ObjectiveInfo,
    RemoteSinkInfo,
)
from capture.errors import MissingExtra, PluginError, UnknownName
from capture.host import Host, get_host, use_host

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.host.conftest import Site

OFFERS = """
    from capture import hookimpl
    from capture.contracts.info import BackendInfo

    def load():
        return {made}

    @hookimpl
    def register_backends():
        yield BackendInfo("same", load=load)
        yield BackendInfo("own_{made}", load=load)
"""


class Backends:
    """A plugin that yields what it was made with."""

    def __init__(self, *given: Any) -> None:
        self.given = given

    @hookimpl
    def register_backends(self) -> Iterable[BackendInfo]:
        yield from self.given


def host_of(*given: Any) -> Host:
    host = Host([])
    host.register(Backends(*given))
    return host


class Everything:
    @hookimpl
    def register_backends(self) -> Iterable[BackendInfo]:
        yield BackendInfo("word", lambda: "a backend")

    @hookimpl
    def register_adapters(self) -> Iterable[AdapterInfo]:
        return [AdapterInfo("word", lambda: "an adapter")]

    @hookimpl
    def register_classifiers(self) -> Iterable[ClassifierInfo]:
        yield ClassifierInfo("word", lambda: "a classifier")

    @hookimpl
    def register_analyses(self) -> Iterable[AnalysisInfo]:
        yield AnalysisInfo("word", lambda: "an analysis")

    @hookimpl
    def register_executors(self) -> Iterable[ExecutorInfo]:
        yield ExecutorInfo("word", lambda: "an executor")

    @hookimpl
    def register_objectives(self) -> Iterable[ObjectiveInfo]:
        yield ObjectiveInfo("word", lambda: "an objective")

    @hookimpl
    def register_remote_sinks(self) -> Iterable[RemoteSinkInfo]:
        yield RemoteSinkInfo("word", lambda: "a remote sink")

    @hookimpl
    def register_commands(self) -> Iterable[CommandInfo]:
        yield CommandInfo("word", lambda: "a command")


def test_every_kind_of_offer_is_found_by_its_name() -> None:
    host = Host([])
    host.register(Everything())
    assert host.backend("word") == "a backend"
    assert host.adapter("word") == "an adapter"
    assert host.classifier("word") == "a classifier"
    assert host.analysis("word") == "an analysis"
    assert host.executor("word") == "an executor"
    assert host.objective("word") == "an objective"
    assert host.remote_sink("word") == "a remote sink"
    assert host.command("word") == "a command"
    for listed in (
        host.backends(),
        host.adapters(),
        host.classifiers(),
        host.analyses(),
        host.executors(),
        host.objectives(),
        host.remote_sinks(),
        host.commands(),
    ):
        assert list(listed) == ["word"]
        assert all(isinstance(info, Info) for info in listed.values())
    assert host.reports()[0].offers == (
        "backend word",
        "adapter word",
        "classifier word",
        "analysis word",
        "executor word",
        "objective word",
        "remote sink word",
        "command word",
    )


def test_an_unknown_name_lists_what_there_is_and_guesses_what_was_meant() -> None:
    host = host_of(BackendInfo("parquet", dict), BackendInfo("hdf5", dict))
    with pytest.raises(UnknownName, match='Did you mean "parquet"') as caught:
        host.backend("parqet")
    assert caught.value.known == ("hdf5", "parquet")


def test_what_is_listed_is_the_callers_own() -> None:
    host = host_of(BackendInfo("parquet", dict))
    host.backends().clear()
    assert list(host.backends()) == ["parquet"]


def test_a_missing_library_names_the_extra_of_the_distribution_that_offers_it(site: Site) -> None:
    site.install(
        "capture-far",
        {"far": "far"},
        far="""
            from capture import hookimpl
            from capture.contracts.info import BackendInfo

            @hookimpl
            def register_backends():
                yield BackendInfo("far", load=dict, extra="away", requires=("json", "far_away"))
        """,
    )
    host = site.host()
    with pytest.raises(MissingExtra, match=r"pip install 'capture-far\[away\]'") as caught:
        host.backend("far")
    assert caught.value.library == "far_away"
    report = host.reports()[0]
    assert report.state == "missing-extra"
    assert report.missing_extra == "away"
    assert report.problem == "backend far needs far_away, which is not installed"
    assert report.mend == "pip install 'capture-far[away]'"
    assert report.offers == ("backend far",)


def test_a_library_that_no_extra_brings_is_named_itself() -> None:
    host = host_of(BackendInfo("far", load=dict, requires=("far.away",)))
    with pytest.raises(MissingExtra, match=r"pip install far\.away$"):
        host.backend("far")


def test_a_library_that_turns_out_to_be_missing_is_named_with_the_extra() -> None:
    def load() -> Any:
        import a_library_nobody_has

        return a_library_nobody_has

    with pytest.raises(MissingExtra, match=r"a_library_nobody_has is not installed.*\[far\]"):
        host_of(BackendInfo("far", load=load, extra="far")).backend("far")


def test_an_offer_that_cannot_be_loaded_names_its_plugin() -> None:
    def load() -> Any:
        raise OSError("disk on fire")

    host = Host([])
    host.register(Backends(BackendInfo("far", load=load)), name="faraway")
    with pytest.raises(PluginError, match="backend far cannot be loaded: OSError: disk on fire"):
        host.backend("far")


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ("parquet", "an object of type str; it must yield BackendInfo records"),
        (None, "yielded None"),
        (AdapterInfo("x", dict), "an object of type AdapterInfo"),
        (BackendInfo("../x", dict), r"name='../x'"),
        (BackendInfo("", dict), "name=''"),
        (BackendInfo(3, dict), "name=3"),
        (BackendInfo("x", "pkg:Backend"), "load='pkg:Backend'"),
        (BackendInfo("x", dict, requires="h5py"), "requires='h5py'"),
        (BackendInfo("x", dict, requires=(1,)), r"requires=\(1,\)"),
        (BackendInfo("x", dict, extra=("a",)), r"extra=\('a',\)"),
    ],
)
def test_a_registration_hook_that_yields_a_wrong_thing_is_refused(given: Any, problem: str) -> None:
    with pytest.raises(PluginError, match=problem):
        host_of(given)


def test_a_registration_hook_that_returns_nothing_is_refused() -> None:
    class Forgetful:
        @hookimpl
        def register_backends(self) -> None:
            BackendInfo("x", dict)

    with pytest.raises(PluginError, match="returned None; yield BackendInfo records"):
        Host([]).register(Forgetful())


def test_one_plugin_cannot_offer_a_name_twice() -> None:
    with pytest.raises(PluginError, match="offers 'x' twice"):
        host_of(BackendInfo("x", dict), BackendInfo("x", list))


def test_of_two_that_share_a_name_the_built_in_one_is_used_and_both_say_so(site: Site) -> None:
    site.install("aaa-first-by-name", {"aaa": "theirs"}, theirs=OFFERS.format(made="list"))
    site.install("signal-capture", {"ours": "ours"}, ours=OFFERS.format(made="dict"))
    host = site.host()
    assert host.backend("same") is dict
    assert host.backend("own_list") is list
    ours, theirs = host.reports()
    assert (ours.name, theirs.name) == ("ours", "aaa")
    assert ours.problem == 'backend same is used; plugin "aaa" (aaa-first-by-name) offers it, too'
    assert theirs.problem == 'backend same is not used: plugin "ours" (signal-capture) goes first'
    assert ours.offers == ("backend same", "backend own_dict")
    assert theirs.offers == ("backend own_list",)
    assert ours.state == theirs.state == "loaded"
    assert ours.mend
    assert theirs.mend


def test_of_two_others_that_share_a_name_the_first_by_name_is_used(site: Site) -> None:
    site.install("one", {"zebra": "zebra"}, zebra=OFFERS.format(made="list"))
    site.install("two", {"ant": "ant"}, ant=OFFERS.format(made="dict"))
    assert site.host().backend("same") is dict


def test_leaving_out_the_first_gives_the_name_to_the_other(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.install("one", {"zebra": "zebra"}, zebra=OFFERS.format(made="list"))
    site.install("two", {"ant": "ant"}, ant=OFFERS.format(made="dict"))
    monkeypatch.setenv("CAPTURE_DISABLE_PLUGINS", "ant")
    host = site.host()
    assert host.backend("same") is list
    assert [report.problem for report in host.reports() if report.name == "zebra"] == [None]


def test_letting_go_of_the_first_gives_the_name_to_the_other(site: Site) -> None:
    site.install("one", {"zebra": "zebra"}, zebra=OFFERS.format(made="list"))
    site.install("two", {"ant": "ant"}, ant=OFFERS.format(made="dict"))
    host = site.host()
    host.unregister("ant")
    assert host.backend("same") is list
    assert [report.problem for report in host.reports()] == [None]


def test_the_host_of_the_process_is_one_for_all_threads() -> None:
    seen: list[Host] = []
    with use_host(Host([])) as stand_in:
        threads = [threading.Thread(target=lambda: seen.append(get_host())) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert seen == [stand_in] * 8


def test_another_host_can_stand_in_for_a_while() -> None:
    before = get_host()
    with use_host(Host([])) as stand_in:
        assert get_host() is stand_in
    assert get_host() is before


def test_the_host_is_back_after_an_error() -> None:
    before = get_host()
    with pytest.raises(UnknownName), use_host(Host([])):
        get_host().backend("parquet")
    assert get_host() is before


def test_many_threads_that_ask_first_load_each_plugin_once(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = OFFERS.format(made="list") + "\n    import sys; sys.loads_of_zebra.append(1)\n"
    monkeypatch.setattr(sys, "loads_of_zebra", [], raising=False)
    site.install("one", {"zebra": "zebra"}, zebra=source)
    host, found, start = site.host(), [], threading.Barrier(8)

    def ask() -> None:
        start.wait()
        found.append(host.backend("same"))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [list] * 8
    assert sys.loads_of_zebra == [1]
