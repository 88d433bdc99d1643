"""`tests/hosts.py` says which backtesters were tested, and takes a missing one for an error."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

PROJECT = """
[project.optional-dependencies]
real = ["pytest>=8"]
absent = ["no-such-backtester>=1"]
hosts = ["signal-capture[real]", "pandas>=2.2,<3"]
broken = ["signal-capture[absent,real]"]
"""


@pytest.fixture
def hosts(root: Path) -> Any:
    spec = importlib.util.spec_from_file_location("hosts_script", root / "tests" / "hosts.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_backtesters_are_those_that_the_extra_brings(hosts: Any) -> None:
    assert hosts.declared("hosts", PROJECT) == {"real": "pytest"}
    assert hosts.installed(hosts.declared("hosts", PROJECT)) == {"real": pytest.__version__}
    assert {"backtesting", "backtrader", "vectorbt"} <= hosts.declared("hosts").keys()
    assert hosts.declared("hosts-pandas3").keys() <= hosts.declared("hosts").keys()


def test_a_missing_backtester_is_an_error_that_names_it(hosts: Any) -> None:
    with pytest.raises(SystemExit, match=r"not installed: absent \(no-such-backtester\)"):
        hosts.installed(hosts.declared("broken", PROJECT))
    with pytest.raises(SystemExit, match="no extra 'hots'"):
        hosts.declared("hots", PROJECT)


def test_the_table_says_which_version_was_met_with_which_pandas(hosts: Any) -> None:
    legs = [
        {"pandas": "2.3.3", "hosts": {"bt": "1.4", "zipline": "3.2"}, "status": 0},
        {"pandas": "3.1.1", "hosts": {"bt": "1.4"}, "status": 1},
    ]
    assert hosts.table(legs).splitlines() == [
        "backtester  pandas 2.3.3  pandas 3.1.1",
        "bt          1.4           1.4",
        "zipline     3.2           -",
        "result      passed        failed",
    ]
