"""Recordings of each backtester in every other one: real runs, matched one to one and explained."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from benchmarks.across.hosts import HOSTS, cannot, installed, runs
from benchmarks.across.running import Row, rows
from benchmarks.across.scenarios import SCENARIOS
from benchmarks.across.table import put, table, taken

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.host, pytest.mark.slow, pytest.mark.timeout(1200)]

PAGE = Path(__file__).parents[2] / "docs" / "across-hosts.md"


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> list[Row]:
    """What every ordered pair of the backtesters that are here comes to."""
    return list(rows(installed(), tmp_path_factory.mktemp("across")))


def of(found: list[Row], *, same: bool) -> Iterator[Row]:
    return (row for row in found if (row.original == row.replayed) is same)


def test_every_pair_of_backtesters_was_run(found: list[Row]) -> None:
    here = installed()
    assert len(here) >= 3
    able = {scenario: [name for name in here if runs(name, scenario)] for scenario in SCENARIOS}
    recorded = [(name, s) for s in SCENARIOS for name in able[s] if not cannot(name, s)]
    assert len(recorded) > 3 * len(SCENARIOS)
    assert len(found) == sum(len(able[scenario]) for _, scenario in recorded)
    assert all(row.explanation.fills.original > 60 for row in found)


def test_in_the_same_backtester_nothing_differs(found: list[Row]) -> None:
    for row in of(found, same=True):
        assert row.exact, f"{row.scenario} in {row.original}"
        assert row.explanation.gaps == ()
        assert row.explanation.equity.differing == 0


def test_across_backtesters_trades_are_matched_one_to_one(found: list[Row]) -> None:
    for row in of(found, same=False):
        trades = row.explanation.trades
        assert trades.original == trades.replayed == trades.matched, row


def test_across_backtesters_every_difference_has_a_cause(found: list[Row]) -> None:
    for row in of(found, same=False):
        assert row.explanation.complete, f"{row.scenario}: {row.explanation}"


def test_the_table_of_the_documentation_is_what_is_made(found: list[Row]) -> None:
    page = taken(PAGE.read_text(encoding="utf-8"))
    if set(installed()) == set(HOSTS):
        assert put(PAGE.read_text(encoding="utf-8"), table(found)) == PAGE.read_text("utf-8")
    lines = set(page.splitlines())
    made = [line for line in table(found).splitlines() if line.startswith("|")]
    assert [line for line in made if line not in lines] == []
