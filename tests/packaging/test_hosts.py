"""`tests/hosts.py` says which backtesters were tested, and takes a missing one for an error."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

import pytest

from tests import hosts

if TYPE_CHECKING:
    from pathlib import Path

PROJECT = """
[project.optional-dependencies]
real = ["pytest>=8"]
absent = ["no-such-backtester>=1"]
hosts = ["signal-capture[real]", "pandas>=2.2,<3"]
broken = ["signal-capture[absent,real]"]
"""


def test_backtesters_are_those_that_the_extra_brings() -> None:
    assert hosts.declared("hosts", PROJECT) == {"real": "pytest"}
    assert hosts.installed(hosts.declared("hosts", PROJECT)) == {"real": pytest.__version__}
    assert {"backtesting", "backtrader", "vectorbt"} <= hosts.declared("hosts").keys()
    assert hosts.declared("hosts-pandas3").keys() <= hosts.declared("hosts").keys()


def test_a_missing_backtester_is_an_error_that_names_it() -> None:
    with pytest.raises(SystemExit, match=r"not installed: absent \(no-such-backtester\)"):
        hosts.installed(hosts.declared("broken", PROJECT))
    with pytest.raises(SystemExit, match="no extra 'hots'"):
        hosts.declared("hots", PROJECT)


def test_with_pandas_3_what_is_named_after_other_backtesters_is_left_out_and_nothing_else() -> None:
    other = {"nautilus", "zipline"} if int(version("pandas").split(".")[0]) >= 3 else set()
    assert hosts.left_out() == other
    for name in ("zipline", "test_check_zipline.py", "tutorial-zipline.md", "zipline, on 5%"):
        assert hosts.names_one_left_out(name) == ("zipline" in other)
    for name in ("vectorbt", "test_check_vectorbt.py", "test_ziplines.py", "README.md"):
        assert not hosts.names_one_left_out(name)


def test_passed_tests_are_counted_by_the_backtester_that_their_file_is_named_after(
    tmp_path: Path,
) -> None:
    report = tmp_path / "report.xml"
    report.write_text(
        "<testsuites><testsuite>"
        '<testcase classname="tests.adapters.bt.test_costs" name="test_one"/>'
        '<testcase classname="tests.adapters.bt.test_contract.TestBt" name="test_two"/>'
        '<testcase classname="tests.adapters.bt.test_costs" name="test_three"><failure/></testcase>'
        '<testcase classname="tests.replaying.test_bt_and_pybroker" name="test_four"/>'
        '<testcase classname="tests.cli.test_demo" name="test_vectorbt"/>'
        "</testsuite></testsuites>"
    )
    installed = {"bt": "1.4", "pybroker": "2.0", "vectorbt": "1.2"}
    assert hosts.passed(report, installed) == {"bt": 3, "pybroker": 1, "vectorbt": 0}


def test_the_table_says_how_much_of_which_version_was_tested_with_which_pandas() -> None:
    both, one = {"bt": "1.4", "zipline": "3.2"}, {"bt": "1.4"}
    legs = [
        {"pandas": "2.3.3", "hosts": both, "passed": {"bt": 9, "zipline": 8}, "status": 0},
        {"pandas": "3.1.1", "hosts": one, "passed": {"bt": 7}, "status": 1},
    ]
    assert hosts.table(legs).splitlines() == [
        "backtester  pandas 2.3.3  pandas 3.1.1",
        "bt          1.4, 9 tests  1.4, 7 tests",
        "zipline     3.2, 8 tests  -",
        "result      passed        failed",
    ]
