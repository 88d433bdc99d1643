"""From the files, in a process of its own or in this one, a replay is the run to the last bit."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import bt
import pytest

import capture
from tests.adapters.bt import strategies as s
from tests.adapters.bt.runs import CASES, Case, captured, four, google, ledger, share

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.host, pytest.mark.filterwarnings("ignore::RuntimeWarning")]

CORNERS = (
    "select where, GOOG, parts of units",
    "SMA cross, four assets",
    "by volatility",
    "sleeves",
    "over time",
    "a verb of its own",
    "limits",
    "matured",
    "rolled",
    "margin",
    "blotter",
    "cost model",
    "silent",
)


@pytest.mark.parametrize("name", CORNERS)
def test_in_every_corner_of_the_host(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    plain = case()
    results, recording = captured(case, tmp_path)
    assert results == plain
    traded = recording.fills()[["bar_index", "side", "price", "size"]].itertuples(index=False)
    units: dict[Any, float] = {}
    for bar, side, price, size in traded:
        key = (int(bar), int(side), float(price))
        units[key] = units.get(key, 0) + size
    assert units == ledger(case)
    replay = capture.replay(recording)
    assert case(lambda _: replay.into("bt")) == plain
    assert replay.divergence is None
    case(lambda _: capture.replay(recording).into("bt", store=tmp_path))
    certificate = capture.parity(capture.open(tmp_path).latest("replay"))
    assert certificate.exact, str(certificate)


def test_papers_of_papers_are_exact_where_they_pay_a_spread(tmp_path: Path) -> None:
    spread = {"bidoffer": lambda prices: prices * 0.004}
    case = Case(s.deeper, four, more=spread)
    results, recording = captured(case, tmp_path)
    assert case(lambda _: capture.replay(recording).into("bt")) == results


def test_nothing_is_computed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case = CASES["nested"]
    results, recording = captured(case, tmp_path)
    replay = capture.replay(recording).into("bt")

    def computed(*_: Any) -> None:
        raise AssertionError("an algo was called")

    for algo in (bt.algos.RunPeriod, bt.algos.SelectAll, bt.algos.WeighInvVol, bt.algos.Rebalance):
        monkeypatch.setattr(algo, "__call__", computed)
    with pytest.raises(AssertionError, match="an algo was called"):
        case()
    assert case(lambda _: replay) == results


_AGAIN = """
import sys
import capture
from tests.adapters.bt.runs import Case, google, share

def computed(*_):
    raise AssertionError("the strategy was made")

case = Case(computed, google, {"commissions": share})
recording = capture.open(sys.argv[1]).latest()
case = Case(lambda prices: capture.replay(recording).into("bt"), google, {"commissions": share})
results = case()
print(repr(results.nodes["cross"]["value"].tolist()))
print(repr(results.transactions.to_csv(float_format="%r")))
print("".join(sorted(name for name in sys.modules if name.endswith("bt.strategies"))))
"""


def test_a_new_process_needs_nothing_but_the_files(tmp_path: Path) -> None:
    results, _ = captured(Case(s.sma_cross, google, {"commissions": share}), tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", _AGAIN, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [os.getcwd(), *sys.path]))},  # noqa: PTH109
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    value, transactions, _ = done.stdout.splitlines()
    assert value == repr(results.nodes["cross"]["value"].tolist())
    assert transactions == repr(results.transactions.to_csv(float_format="%r"))


def test_what_a_nested_strategy_was_refused_on_paper_is_refused_again(tmp_path: Path) -> None:
    def eager(target: Any) -> bool:
        with suppress(ValueError):  # the first row has no prices, and on paper it is traded, too
            target.allocate(1_000.0, "A")
        with suppress(ValueError):
            target.adjust(float("nan"))
        return True

    def tree(_prices: Any) -> bt.Strategy:
        weigh = [bt.algos.RunOnce(), bt.algos.WeighSpecified(inner=0.5), bt.algos.Rebalance()]
        return bt.Strategy("outer", weigh, [bt.Strategy("inner", [eager], ["A", "B"])])

    case = Case(tree, four)
    results, recording = captured(case, tmp_path / "run")
    replay = capture.replay(recording).into("bt", store=tmp_path / "again")
    assert case(lambda _: replay) == results
    assert capture.parity(recording, capture.open(tmp_path / "again").latest("replay")).exact
