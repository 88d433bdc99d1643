"""Under other settings a replay equals a fresh run, or is refused where it could not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from zipline.api import (
    EODCancel,
    commission,
    set_cancel_policy,
    set_commission,
    set_slippage,
    slippage,
)
from zipline.finance.blotter import SimulationBlotter

import capture
from capture.errors import ClosedLoop, NotReplayable
from tests.adapters.zipline import strategies as s
from tests.adapters.zipline.runs import CASES, Case, captured

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.host


class Tenth(slippage.SlippageModel):
    """Fills a tenth at a time, which nobody but its author can make again."""

    def process_order(self, data: Any, order: Any) -> tuple[float, int]:
        return data.current(order.asset, "close"), max(1, abs(order.amount) // 10) * (
            1 if order.amount > 0 else -1
        )


SETTINGS: dict[str, Callable[[Any], None]] = {
    "dear": lambda _: set_commission(commission.PerTrade(cost=25.0)),
    "per value": lambda _: set_commission(commission.PerDollar(cost=0.01)),
    "wide": lambda _: set_slippage(slippage.FixedSlippage(spread=0.5)),
    "thin": lambda _: set_slippage(slippage.VolumeShareSlippage(0.00001, 0.3)),
    "by the day": lambda _: set_cancel_policy(EODCancel(warn_on_cancel=False)),
    "of one's own": lambda _: set_slippage(Tenth()),
}
HOST: dict[str, dict[str, Any]] = {
    "rich": {"capital_base": 5_000_000.0},
    "poor": {"capital_base": 1_000.0},
    "a blotter": {
        "blotter": lambda: SimulationBlotter(equity_commission=commission.PerTrade(cost=3.0))
    },
}


def under(case: Case, then: Callable[[Any], None]) -> Case:
    """Return a case whose strategy sets something else in the end."""
    own = case.functions["initialize"]

    def initialize(context: Any) -> None:
        own(context)
        then(context)

    return Case({**case.functions, "initialize": initialize}, case.start, case.end, case.settings)


BLIND = ("SMA cross", "scheduled rebalancing", "partial fills")


@pytest.fixture(scope="module", params=BLIND)
def blind(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A strategy that does not look at its portfolio, and its recording."""
    case = CASES[request.param]
    return case, captured(case, tmp_path_factory.mktemp("blind"))[1]


@pytest.mark.parametrize("setting", SETTINGS)
def test_a_replay_under_other_costs_equals_a_fresh_run(blind: Any, setting: str) -> None:
    case, recording = blind
    fresh = under(case, SETTINGS[setting])(lambda functions: functions)
    replay = capture.replay(recording).into("zipline", initialize=SETTINGS[setting])
    fresh.like(case(lambda _: replay))


@pytest.mark.parametrize("setting", HOST)
def test_a_replay_under_other_settings_of_the_host_equals_a_fresh_run(
    blind: Any, setting: str
) -> None:
    case, recording = blind
    other = case.under(**HOST[setting])
    other(lambda functions: functions).like(
        other(lambda _: capture.replay(recording).into("zipline"))
    )


@pytest.mark.parametrize("setting", ["dear", "wide"])
def test_a_strategy_that_looks_is_refused_and_forced_it_says_where_it_differs(
    tmp_path: Path, setting: str
) -> None:
    case = CASES["looks at its portfolio"]
    _, recording = captured(case, tmp_path / "one")
    then = SETTINGS[setting]
    with pytest.raises(ClosedLoop, match="portfolio"):
        case(lambda _: capture.replay(recording).into("zipline", initialize=then))
    replay = capture.replay(recording)
    rich = case.under(capital_base=50_000.0)
    with pytest.raises(ClosedLoop, match="capital_base"):
        rich(lambda _: replay.into("zipline"))
    forced = capture.replay(recording)
    other = under(case, SETTINGS["thin"])
    other_results = other(lambda functions: functions)
    got = case(lambda _: forced.into("zipline", initialize=SETTINGS["thin"], force=True))
    assert got.transactions != other_results.transactions
    assert forced.divergence is not None
    signals = recording.signals()
    row = signals[signals["signal_id"] == forced.divergence.signal_id].iloc[0]
    assert row["bar_index"] == forced.divergence.bar_index
    assert row["position_before"] == forced.divergence.captured != forced.divergence.replayed


def test_a_model_of_the_user_is_said_again_or_refused(tmp_path: Path) -> None:
    case = under(CASES["SMA cross"], SETTINGS["of one's own"])
    results, recording = captured(case, tmp_path)
    assert recording.manifest["settings"]["slippage[Equity]"] == {"class": "Tenth"}
    with pytest.raises(NotReplayable, match=r"set_slippage.*Tenth.*initialize=") as refused:
        case(lambda _: capture.replay(recording).into("zipline"))
    assert recording.run_id in str(refused.value)
    again = capture.replay(recording).into("zipline", initialize=SETTINGS["of one's own"])
    results.like(case(lambda _: again))


def test_what_the_strategy_set_is_set_again(tmp_path: Path) -> None:
    _, recording = captured(CASES["controls"], tmp_path)
    made = [name for name, _ in recording.manifest["flags"]["settings_made"]]
    assert made == ["set_long_only", "set_max_order_size", "set_max_position_size"]
    settings = recording.manifest["settings"]
    assert [c["class"] for c in settings["trading_controls"]] == [
        "LongOnly", "MaxOrderSize", "MaxPositionSize",
    ]  # fmt: skip
    assert s.controls_start.__name__ == "controls_start"
