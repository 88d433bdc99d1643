"""Entry points are found without being imported, and let in one by one."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from capture.host import Host

if TYPE_CHECKING:
    from capture.host import PluginReport
    from tests.host.conftest import Site

GOOD = """
    from capture.contracts.info import BackendInfo
    from capture import hookimpl

    @hookimpl
    def register_backends():
        yield BackendInfo("good", load=lambda: dict)

    @hookimpl
    def on_signal(signal): ...
"""


def report_of(host: Host, name: str) -> PluginReport:
    return next(report for report in host.reports() if report.name == name)


def test_a_sound_plugin_is_reported_with_what_it_offers(site: Site) -> None:
    site.install("Capture_Good", {"good": "good_plugin"}, "2.3", good_plugin=GOOD)
    report = report_of(site.host(), "good")
    assert (report.distribution, report.version) == ("capture-good", "2.3")
    assert report.state == "loaded"
    assert report.problem is None
    assert report.mend is None
    assert report.offers == ("backend good", "observer on_signal")


def test_nothing_is_imported_before_something_is_asked_for(site: Site) -> None:
    site.install("capture-good", {"good": "good_plugin"}, good_plugin=GOOD)
    host = site.host()
    assert "good_plugin" not in sys.modules
    assert list(host.backends()) == ["good"]
    assert "good_plugin" in sys.modules


def test_what_is_installed_is_found_without_being_told(site: Site) -> None:
    site.install("capture-good", {"good": "good_plugin"}, good_plugin=GOOD)
    assert "good" in Host().backends()


def test_listing_imports_nothing_heavy(site: Site) -> None:
    site.install(
        "capture-heavy",
        {"heavy": "heavy_plugin"},
        heavy_plugin="""
            from capture.contracts.info import BackendInfo
            from capture import hookimpl

            def load():
                import heavy_backend
                return heavy_backend.Backend

            @hookimpl
            def register_backends():
                yield BackendInfo("heavy", load=load)
        """,
        heavy_backend="class Backend: ...",
    )
    host = site.host()
    assert host.reports()[0].offers == ("backend heavy",)
    assert "heavy_backend" not in sys.modules
    assert host.backend("heavy").__name__ == "Backend"
    assert "heavy_backend" in sys.modules


BROKEN = {
    "raises": ("raise ValueError('out of cheese')", "broken", "ValueError: out of cheese"),
    "exits": ("raise SystemExit(3)", "broken", "SystemExit: 3"),
    "garbled": ("def (", "broken", "SyntaxError"),
    "wants_more": ("import a_library_nobody_has", "missing-extra", "needs a_library_nobody_has"),
    "wants_part": ("import email.no_such_part", "missing-extra", "needs email"),
    "outdated": ("from capture.errors import NoSuchError", "broken", "NoSuchError"),
    "gone_module": ("import capture.no_such_module", "broken", "capture.no_such_module"),
    "wants_extra": (
        "from capture.errors import MissingExtra\nraise MissingExtra('oracle', extra='oracle')",
        "missing-extra",
        "oracle needs more than is here",
    ),
    "empty": ("", "broken", "this module implements no hook"),
    "unmarked": ("def on_signal(signal): ...", "broken", "on_signal is not marked as a hook"),
    "misspelt": (
        "from capture import hookimpl\n@hookimpl\ndef on_singal(signal): ...",
        "broken",
        'there is no hook "on_singal"',
    ),
    "asks_too_much": (
        "from capture import hookimpl\n@hookimpl\ndef on_signal(signal, rnu): ...",
        "broken",
        'on_signal asks for "rnu", which it is not given',
    ),
    "fails_to_register": (
        "from capture import hookimpl\n@hookimpl\ndef register_backends():\n    yield 1 / 0",
        "broken",
        "register_backends raised ZeroDivisionError",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_plugin_is_named_with_its_mend_and_breaks_nothing_else(
    site: Site, name: str
) -> None:
    source, state, problem = BROKEN[name]
    site.install("capture-bad", {"bad": f"bad_{name}"}, **{f"bad_{name}": source})
    site.install("capture-good", {"good": "good_plugin"}, good_plugin=GOOD)
    host = site.host()
    report = report_of(host, "bad")
    assert report.state == state
    assert problem in str(report.problem)
    assert report.mend
    assert report.offers == ()
    assert report_of(host, "good").state == "loaded"
    assert host.backend("good") is dict


def test_an_error_at_import_is_told_with_its_place(site: Site) -> None:
    site.install("capture-bad", {"bad": "bad"}, bad="x = 1\nraise ValueError('no')\n")
    assert str(site.host().reports()[0].problem).endswith("ValueError: no (bad.py, line 2)")


def test_the_mend_of_a_missing_library_installs_it(site: Site) -> None:
    site.install("capture-bad", {"bad": "bad"}, bad="import a_library_nobody_has")
    assert site.host().reports()[0].mend == "pip install a_library_nobody_has"


def test_an_extra_that_is_asked_for_at_import_is_in_the_report(site: Site) -> None:
    site.install("capture-bad", {"bad": "bad"}, bad=BROKEN["wants_extra"][0])
    report = site.host().reports()[0]
    assert report.missing_extra == "oracle"
    assert report.mend == "pip install 'signal-capture[oracle]'"


@pytest.mark.parametrize(
    ("target", "problem"),
    [
        ("no_such_module", "No module named 'no_such_module'"),
        ("good_plugin:nothing", "has no attribute 'nothing'"),
        ("good_plugin:number", "this int implements no hook"),
        ("good_plugin:Watch", "Watch is a class, and its on_signal needs an instance"),
        ("good_plugin!", "cannot be imported"),
    ],
)
def test_an_entry_point_that_names_no_plugin_is_broken(
    site: Site, target: str, problem: str
) -> None:
    more = """
    number = 3

    class Watch:
        @hookimpl
        def on_signal(self, signal): ...
    """
    site.install("capture-bad", {"bad": target}, good_plugin=GOOD + more)
    report = site.host().reports()[0]
    assert report.state == "broken"
    assert problem in str(report.problem)
    assert report.mend


def test_an_interrupt_while_plugins_are_imported_stops_everything(site: Site) -> None:
    site.install("capture-slow", {"slow": "slow"}, slow="raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        site.host().reports()


def test_garbled_entry_points_of_one_distribution_hide_no_other(site: Site) -> None:
    site.install("capture-garbled", "[capture]\nthis is not an entry point\n")
    site.install("capture-good", {"good": "good_plugin"}, good_plugin=GOOD)
    host = Host()
    assert "good" in host.backends()
    report = report_of(host, "capture-garbled")
    assert report.state == "broken"
    assert "entry_points.txt" in str(report.problem)
    assert report.mend == "pip install --force-reinstall capture-garbled"


def test_a_distribution_without_metadata_is_loaded_all_the_same(site: Site) -> None:
    site.install("capture-good", {"good": "good_plugin"}, good_plugin=GOOD)
    next(site.folder.glob("*.dist-info/METADATA")).unlink()
    report = report_of(Host(), "good")
    assert report.state == "loaded"
    assert report.offers


def test_a_plugin_can_be_left_out(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.install("capture-good", {"good": "good_plugin"}, good_plugin=GOOD)
    monkeypatch.setenv("CAPTURE_DISABLE_PLUGINS", "other, good")
    host = site.host()
    assert host.backends() == {}
    report = host.reports()[0]
    assert report.state == "disabled"
    assert "CAPTURE_DISABLE_PLUGINS" in str(report.problem)
    assert report.mend
    assert "good_plugin" not in sys.modules


def test_a_plugin_may_ask_the_host_while_it_is_imported(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    from capture.host import use_host

    site.install("capture-good", {"a_good": "good_plugin"}, good_plugin=GOOD)
    curious = GOOD.replace('"good"', '"curious"') + (
        "\n    from capture.host import get_host\n    seen = sorted(get_host().backends())\n"
    )
    site.install("capture-curious", {"curious": "curious"}, curious=curious)
    with use_host(site.host()) as host:
        assert sorted(host.backends()) == ["curious", "good"]
    assert sys.modules["curious"].seen == ["good"]


def test_two_plugins_of_one_name_are_both_reported_and_the_first_stays(site: Site) -> None:
    site.install("capture-good", {"twin": "good_plugin"}, good_plugin=GOOD)
    site.install("capture-other", {"twin": "other"}, other=GOOD.replace('"good"', '"other"'))
    first, second = site.host().reports()
    assert (first.state, first.distribution) == ("loaded", "capture-good")
    assert (second.state, second.distribution) == ("broken", "capture-other")
    assert 'the name is taken by plugin "twin" (capture-good)' in str(second.problem)


def test_entry_points_of_other_groups_are_none_of_ours(site: Site) -> None:
    site.install(
        "capture-good",
        "[console_scripts]\ngood = good_plugin:main\n[capture]\ngood = good_plugin\n"
        "[pytest11]\nelse = good_plugin\n",
        good_plugin=GOOD,
    )
    ours = [report for report in Host().reports() if report.distribution == "capture-good"]
    assert [report.name for report in ours] == ["good"]


def test_of_a_distribution_that_is_installed_twice_the_one_that_is_imported_counts(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.install("capture-good", {"old": "good_plugin"}, "1.0", good_plugin=GOOD)
    newer = type(site)(site.folder / "newer")
    newer.folder.mkdir()
    newer.install("capture_good", {"new": "good_plugin"}, "2.0", good_plugin=GOOD)
    monkeypatch.syspath_prepend(newer.folder)
    ours = [report for report in Host().reports() if report.distribution == "capture-good"]
    assert [(report.name, report.version) for report in ours] == [("new", "2.0")]
