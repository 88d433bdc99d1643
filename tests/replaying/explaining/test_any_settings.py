"""Whatever two runs differ in: what the settings make is explained, and what they do not is not."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

import capture
from capture.replaying.explaining.explain import explain
from capture.replaying.slices import Slice
from capture.store.explanations import Cause
from tests.replaying.explaining.scripts import Tampered, recorded, replayed, wandering

if TYPE_CHECKING:
    from collections.abc import Callable

ACCOUNTS = st.fixed_dictionaries(
    {
        "fill": st.sampled_from(["next_open", "close"]),
        "slippage_fraction": st.sampled_from([0.0, 0.0007]),
        "slippage_fixed": st.sampled_from([0.0, 0.03]),
        "commission_rate": st.sampled_from([0.0, 0.0013]),
        "commission_per_order": st.sampled_from([0.0, 1.5]),
        "sizer": st.sampled_from(["units", "value", "equity_fraction"]),
        "lot": st.sampled_from([0.0, 1.0]),
        "cash": st.sampled_from([1_000.0, 10_000.0]),
    }
)
SIZES = {"units": 7.0, "value": 900.0, "equity_fraction": 0.6}
STEPS: dict[str, Callable[[Any, float], Any]] = {
    "buy": lambda s, _c: s.buy(),
    "sell": lambda s, _c: s.sell(),
    "buy three": lambda s, _c: s.buy(size=3.0),
    "sell three": lambda s, _c: s.sell(size=3.0),
    "close": lambda s, _c: s.close(),
    "turn": lambda s, _c: (s.close(), s.sell()),
    "with a stop": lambda s, c: s.buy(stop_loss=c * 0.99),
    "with a limit": lambda s, c: s.buy(limit=c * 0.997, valid_bars=4),
}
PLANS = st.dictionaries(st.integers(2, 59), st.sampled_from(sorted(STEPS)), min_size=4, max_size=14)


def account(said: dict[str, Any]) -> dict[str, Any]:
    return {**said, "size": SIZES[said["sizer"]]}


@settings(max_examples=30)
@given(plan=PLANS, then=ACCOUNTS, now=ACCOUNTS, seed=st.integers(0, 5))
def test_every_difference_that_settings_make_has_a_cause(
    plan: dict[int, str], then: dict[str, Any], now: dict[str, Any], seed: int
) -> None:
    with TemporaryDirectory() as folder:
        bars = wandering(seed=seed)
        steps = {bar: STEPS[name] for bar, name in plan.items()}
        original = recorded(Path(folder), steps, bars, **account(then))
        replay = replayed(original, bars, **account(now))
        found = capture.parity(original, replay, explain=True).explanation
        assert found is not None
        assert found.unexplained == ()
        assert found.equity.unexplained == 0
        if found.fills.matched == found.fills.equal == found.fills.original == found.fills.replayed:
            assert found.gaps == ()
        # A cause that could not be: what it comes from is the same in both.
        priced = ("slippage_fraction", "slippage_fixed", "fill")
        if all(then[name] == now[name] for name in priced):
            assert Cause.SLIPPAGE not in found.causes
            assert Cause.PRICE_RULE not in found.causes
        costs = ("commission_rate", "commission_per_order")
        if all(then[name] == now[name] for name in costs):
            assert Cause.COMMISSION not in found.causes


@settings(max_examples=20)
@given(
    plan=PLANS,
    then=ACCOUNTS,
    now=ACCOUNTS,
    planted=st.sampled_from([("price", 1e-9), ("size", 1e-4), ("commission", 1e-4)]),
    data=st.data(),
)
def test_a_difference_that_no_setting_makes_has_none(
    plan: dict[int, str],
    then: dict[str, Any],
    now: dict[str, Any],
    planted: tuple[str, float],
    data: st.DataObject,
) -> None:
    column, part = planted
    with TemporaryDirectory() as folder:
        steps = {bar: STEPS[name] for bar, name in plan.items() if name not in _PRICED}
        original = recorded(Path(folder), steps, **account({**then, "cash": 10_000.0}))
        replay = replayed(original, **account({**now, "cash": 10_000.0}))
        values = replay.table("fills", [column]).column(column).to_pylist()
        rows = [row for row, value in enumerate(values) if value]
        if not rows:
            return
        row = data.draw(st.sampled_from(rows))
        whole = explain(Slice(original), Slice(replay))
        assert whole.unexplained == ()
        changed = Tampered(replay, None, row, column, values[row] * (1 + part))
        found = explain(Slice(original), changed)
        assert not found.complete
        assert _bars(replay)[row] <= min(
            [gap.bar_index + 1 for gap in found.unexplained if gap.bar_index is not None]
            or [_bars(replay)[row]]
        )


_PRICED = {"with a stop", "with a limit"}


def _bars(replay: Any) -> list[int]:
    bars: list[int] = replay.table("fills", ["bar_index"]).column("bar_index").to_pylist()
    return bars
