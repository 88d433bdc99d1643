"""Two recordings are compared signal by signal, and the first that is not the same is named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

import capture
from capture.errors import ConfigError
from tests.adapters import strategies as s
from tests.adapters.runs import CASES, Case, captured, goog

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from capture.store.recording import Recording

pytestmark = pytest.mark.host

CASH = {"cash": 10_000}
DECISIONS = ("direction", "strength", "order")


class OneMoreSale(s.SmaCross):
    """Does one thing more, at one bar."""

    def next(self) -> None:
        super().next()
        if len(self.data) == 1_001:
            self.sell(size=3)


class OtherStop(s.SmaCross):
    """Asks for a stop-loss once."""

    def buy(self, **said: Any) -> Any:
        late = len(self.data) > 1_000
        return super().buy(**said, sl=self.data.Close[-1] * 0.5) if late else super().buy(**said)


@pytest.fixture
def record(tmp_path: Path) -> Callable[..., Recording]:
    """Record a run of a strategy on GOOG, all of it or a stretch."""

    def record(
        strategy: type = s.SmaCross,
        data: Callable[[], pd.DataFrame] = goog,
        name: str = "SmaCross",
        settings: dict[str, Any] | None = None,
        **params: Any,
    ) -> Recording:
        named = type(name, (strategy,), {"__module__": strategy.__module__})
        return captured(Case(named, data, settings or CASH, params=params), tmp_path / "signals")[1]

    return record


def test_two_runs_of_the_same_are_the_same(record: Callable[..., Recording]) -> None:
    found = capture.diff(record(), record())
    assert found.equal
    assert found.first is None
    assert (found.same, found.changed, found.only_a, found.only_b) == (188, 0, 0, 0)
    assert found.by_column == {}
    assert found.surroundings == {}
    assert found.summary() == "The same: 188 the same."


@pytest.mark.parametrize("name", ["nasty, EURUSD", "numbered bars", "unsorted bars, some twice"])
def test_a_run_with_many_signals_a_bar_is_the_same_as_itself(name: str, tmp_path: Path) -> None:
    _, recording = captured(CASES[name], tmp_path / "signals")
    found = capture.diff(recording, recording)
    assert found.equal
    assert found.same == len(recording.signals(["seq"]))


def test_runs_without_signals_are_the_same(tmp_path: Path) -> None:
    _, recording = captured(CASES["no signals"], tmp_path / "signals")
    assert capture.diff(recording, recording).summary() == "The same: no signals."


def test_a_signal_that_only_one_run_has_is_the_first_divergence(
    record: Callable[..., Recording],
) -> None:
    one, other = record(), record(OneMoreSale)
    found = capture.diff(one, other, columns=DECISIONS)
    assert (found.only_a, found.only_b) == (0, 1)
    assert found.first is not None
    assert (found.first.kind, found.first.bar_index) == ("only in B", 1_000)
    assert found.first.values["direction"] == (None, -1)
    assert found.first.values["order_size"] == (None, 3.0)
    assert found.first.signal_a is None
    assert found.first.signal_b in set(other.signals(["signal_id"])["signal_id"])
    turned = capture.diff(other, one, columns=DECISIONS)
    assert (turned.only_a, turned.only_b) == (1, 0)
    assert turned.first is not None
    assert turned.first.kind == "only in A"


def test_what_an_order_asks_for_is_compared_too(record: Callable[..., Recording]) -> None:
    one, other = record(), record(OtherStop)
    found = capture.diff(one, other)
    assert found.first is not None
    assert found.first.kind == "changed"
    assert found.first.values["order_stop_loss"][0] is None
    assert found.first == found.first_decision
    signals = one.signals(["bar_index", "direction"])
    buys = signals["bar_index"][(signals["direction"] == 1) & (signals["bar_index"] >= 1_000)]
    assert found.first.bar_index == buys.iloc[0]
    assert found.by_column["order_stop_loss"] == len(buys)


def test_context_that_differs_is_told_and_decisions_apart(
    record: Callable[..., Recording],
) -> None:
    found = capture.diff(record(), record(settings={"cash": 10_000, "commission": 0.01}))
    assert found.first_decision is None
    assert found.first is not None
    assert set(found.first.values) <= {
        "position_before",
        "capital_available",
        "portfolio_equity",
        "disposition",
        "reason",
    }
    assert found.surroundings == {"settings.commission": (0.0, 0.01)}
    assert capture.diff(record(), record(), columns=["indicator_"]).equal


def test_indicators_that_differ_are_named_with_both_values(
    record: Callable[..., Recording],
) -> None:
    one, other = record(), record(slow=21)
    found = capture.diff(one, other)
    assert found.by_column["indicator_sma2"] == found.by_column["param_slow"]
    assert "indicator_sma1" not in found.by_column
    assert found.surroundings == {"params.slow": (20, 21)}


def test_counts_agree_with_a_plain_loop(record: Callable[..., Recording]) -> None:
    one, other = record(), record(slow=25)
    keys = []
    for recording in (one, other):
        seen: dict[Any, int] = {}
        mine = set()
        for row in recording.signals(["timestamp"]).itertuples(index=False):
            seen[row.timestamp] = seen.get(row.timestamp, 0) + 1
            mine.add((row.timestamp, seen[row.timestamp]))
        keys.append(mine)
    found = capture.diff(one, other)
    assert found.only_a == len(keys[0] - keys[1])
    assert found.only_b == len(keys[1] - keys[0])
    assert found.same + found.changed == len(keys[0] & keys[1])


def test_signals_after_the_end_of_the_shorter_data_are_beyond_and_not_different(
    record: Callable[..., Recording],
) -> None:
    whole, part = record(), record(data=lambda: goog().iloc[:1_000])
    inside = int((whole.signals(["bar_index"])["bar_index"] < 1_000).sum())
    found = capture.diff(whole, part)
    assert found.equal
    assert (found.same, found.beyond_a, found.beyond_b) == (inside, 188 - inside, 0)
    assert capture.diff(part, whole).beyond_b == 188 - inside
    assert list(found.surroundings) == ["data.data 1d"]


def test_an_order_that_the_end_of_the_data_left_unfilled_is_no_difference(
    record: Callable[..., Recording],
) -> None:
    whole = record()
    last = int(whole.signals(["bar_index"])["bar_index"].iloc[100])
    part = record(data=lambda: goog().iloc[: last + 1])
    assert (part.signals(["reason"])["reason"] == "end_of_data").any()
    assert capture.diff(whole, part).equal


def test_signals_are_aligned_by_time_and_not_by_the_number_of_the_bar(
    record: Callable[..., Recording],
) -> None:
    whole, part = record(), record(data=lambda: goog().iloc[500:])
    found = capture.diff(whole, part, columns=["market_"])
    assert found.changed == 0
    assert found.same > 100
    # Sums that began elsewhere differ in their last digits, within the tolerance they do not.
    exact = capture.diff(whole, part, columns=["indicator_"]).changed
    near = capture.diff(whole, part, columns=["indicator_"], tolerance=1e-9).changed
    assert exact > near == 0


@pytest.mark.parametrize(("tolerance", "equal"), [(0.0, False), (1e-9, False), (1e-6, True)])
def test_numbers_within_the_tolerance_are_equal(
    tolerance: float, equal: bool, tmp_path: Path
) -> None:
    runs = [_by_hand(tmp_path / "signals", value) for value in (1.0, 1.0 + 1e-7)]
    assert capture.diff(*runs, tolerance=tolerance).equal is equal


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        (np.nan, np.nan, True),
        (np.nan, 1.0, False),
        (np.inf, np.inf, True),
        (np.inf, -np.inf, False),
        (np.inf, 1.0, False),
        (0.0, -0.0, True),
    ],
)
def test_values_that_are_no_numbers_are_compared_as_what_they_are(
    one: float, other: float, equal: bool, tmp_path: Path
) -> None:
    runs = [_by_hand(tmp_path / "signals", value) for value in (one, other)]
    assert capture.diff(*runs, tolerance=0.5).equal is equal


def _by_hand(store: Path, value: float) -> Recording:
    with capture.SignalCaptureEngine(capture.SignalCaptureConfig(storage_path=store)) as engine:
        engine.capture_signal(
            {"symbol": "GOOG", "direction": 1},
            {
                "timestamp": pd.Timestamp("2024-01-04", tz="UTC"),
                "strategy_id": "hand",
                "indicators": {"x": value},
            },
        )
    return capture.open(store)[engine.run_id]


def test_a_tolerance_that_is_none_is_refused(record: Callable[..., Recording]) -> None:
    recording = record()
    with pytest.raises(ConfigError, match="tolerance"):
        capture.diff(recording, recording, tolerance=float("nan"))


def test_the_result_shows_itself_as_text_frame_and_dict(
    record: Callable[..., Recording],
) -> None:
    found = capture.diff(record(), record(OneMoreSale), columns=DECISIONS)
    assert found.first is not None
    assert f"first only in B: SmaCross, data 1d at {found.first.time} (bar 1000)" in str(found)
    frame = found.to_frame()
    assert frame.set_index("name")["signals"]["only_b"] == 1
    said = found.to_dict()
    assert said["equal"] is False
    assert said["first"]["bar_index"] == 1_000
