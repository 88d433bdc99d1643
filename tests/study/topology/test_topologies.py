"""Signals are made once, without a portfolio, and traded many times, without a strategy."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import capture
from capture.contracts.info import ComponentInfo
from capture.errors import ClosedLoop, ConfigurationError
from capture.host import get_host
from capture.study.portfolio.settings import PortfolioSettings
from capture.testing.adapter import identical
from capture_builtin import strategies as own
from capture_builtin.engine import Engine
from capture_builtin.feeds import Feed
from capture_builtin.stage import FeatureStage
from capture_builtin.topologies import needs_of
from tests.study.topology.conftest import frames

PORTFOLIOS = {
    "plain": {"cash": 10_000, "size": 10},
    "costs": {"cash": 5_000, "size": 20, "slippage_fraction": 0.001, "commission_rate": 0.002,
              "commission_minimum": 1.0, "leverage": 2},
    "at the close": {"cash": 10_000, "sizer": "equity_fraction", "size": 0.2, "fill": "close"},
    "limits": {"cash": 10_000, "sizer": "value", "size": 3_000, "lot": 1, "max_open_positions": 1,
               "max_drawdown": 0.05, "max_daily_loss": 0.01, "allow_short": False},
    "by strength": {"cash": 10_000, "size": 10, "by_strength": True, "pyramiding": 3},
    "stops": {"cash": 10_000, "size": 10, "stop_loss": 0.02, "trailing_stop": 0.03,
              "participation": 0.02, "take_profit": 0.05},
    "one strategy": {"cash": 10_000, "size": 10, "strategies": ["rsi"]},
}  # fmt: skip


def one_pass(topology: Any, said: dict[str, Any]) -> Any:
    """Compute signals and trade them at once, in one run."""
    engine = Engine(topology.feeds)
    words = dict(said)
    wanted = words.pop("strategies", None) or list(topology.strategies)
    portfolio = engine.add_portfolio("p", PortfolioSettings(**words), wanted)
    for name, plan in topology.strategies.items():
        strategy = plan.strategy(**plan.params)
        engine.add_strategy(name, strategy, needs=needs_of(plan, strategy))
    engine.run()
    return portfolio.ledger


def test_a_generation_records_signals_and_no_fill(folder):
    topology = capture.create_signal_generation_topology("generation.yaml")
    assert list(topology.strategies) == [
        "cross_fast_5_symbol_A", "cross_fast_5_symbol_B",
        "cross_fast_10_symbol_A", "cross_fast_10_symbol_B", "rsi",
    ]  # fmt: skip
    assert not (folder / "signals").exists()
    recording = topology.run()
    assert recording.state == "ended"
    assert capture.verify(recording.store).ok
    signals = recording.signals()
    assert set(signals["strategy_id"]) == set(topology.strategies)
    assert set(signals["disposition"]) == {"generated"}
    assert recording.fills().empty
    assert recording.equity().empty
    assert signals["regime_trend"].notna().all()
    assert signals["indicator_atr"].notna().all()
    assert signals["indicator_rsi"].notna().sum() == (signals["strategy_id"] == "rsi").sum()
    assert len(list((folder / "signals" / "base").iterdir())) == 2


@pytest.mark.parametrize("said", PORTFOLIOS.values(), ids=PORTFOLIOS)
def test_a_replay_equals_a_run_that_computes_signals_and_trades_together(folder, said):
    topology = capture.create_signal_generation_topology("generation.yaml")
    topology.run()
    replayed = capture.create_signal_replay_topology(
        {"recording": {"store": "signals"}, "portfolios": {"p": said}}
    ).run()["p"]
    together = one_pass(topology, said)
    assert len(together.trades) > 5
    assert replayed.equity.tolist() == together.equity
    assert [trade.to_dict() for trade in together.trades] == [
        trade.to_dict() for trade in replayed.portfolio.ledger.trades
    ]
    assert replayed.max_drawdown == together.deepest


def test_portfolios_that_are_replayed_together_are_as_each_alone(folder):
    capture.create_signal_generation_topology("generation.yaml").run()
    config = {"recording": {"store": "signals"}, "portfolios": PORTFOLIOS}
    together = capture.create_signal_replay_topology(config).run()
    assert list(together) == list(PORTFOLIOS)
    for name, said in PORTFOLIOS.items():
        alone = capture.create_signal_replay_topology({**config, "portfolios": {name: said}}).run()[
            name
        ]
        assert identical(together[name].trades, alone.trades)
        assert identical(together[name].equity, alone.equity)


def test_a_replay_calls_no_feature_no_classifier_and_no_strategy(folder, monkeypatch):
    capture.create_signal_generation_topology("generation.yaml").run()
    config = {"recording": {"store": "signals"}, "portfolios": PORTFOLIOS}
    before = capture.create_signal_replay_topology(config).run()

    def never(*_args, **_kwargs):
        raise AssertionError("a replay computes nothing")

    for owner, names in (
        (FeatureStage, ("lines", "regimes")),
        (own.SmaCross, ("generate_signal", "needs", "__init__")),
        (own.RsiReversal, ("generate_signal", "needs", "__init__")),
        (type(get_host()), ("classifier",)),
    ):
        for name in names:
            monkeypatch.setattr(owner, name, never)
    for name in ("A.csv", "B.csv", "generation.yaml"):
        (folder / name).unlink()
    after = capture.create_signal_replay_topology(config).run()
    for name in PORTFOLIOS:
        assert identical(after[name].equity, before[name].equity)


def test_a_recorded_replay_names_its_parent_and_the_signals_it_repeats(folder):
    recording = capture.create_signal_generation_topology("generation.yaml").run()
    config = {
        "name": "again",
        "recording": {"store": "signals"},
        "portfolios": {name: PORTFOLIOS[name] for name in ("plain", "limits")},
        "record": {"store": "signals"},
    }
    results = capture.create_signal_replay_topology(config).run()
    store = capture.open("signals")
    runs = store.runs()
    replays = runs[runs["kind"] == "replay"]
    assert sorted(replays["strategy"]) == ["again_limits", "again_plain"]
    for name in ("plain", "limits"):
        run_id = replays.loc[replays["strategy"] == f"again_{name}", "run_id"].item()
        kept = store[run_id]
        assert kept.manifest["parent"] == recording.run_id
        assert kept.equity()["equity"].tolist() == results[name].equity.tolist()
        sources = kept.signals()["source_signal_id"].tolist()
        assert sources == recording.signals()["signal_id"].tolist()
        told = kept.signals()["disposition"]
        assert told.notna().all() and "generated" not in set(told)
    assert capture.verify(store).ok


def test_filters_and_regimes_leave_signals_out(folder):
    recording = capture.create_signal_generation_topology("generation.yaml").run()
    base = {"portfolios": {"p": PORTFOLIOS["plain"]}}
    bull = capture.create_signal_replay_topology(
        {**base, "recording": {"store": "signals", "regime": {"trend": ["bull"]},
                               "boundary": "force_flat", "strategies": ["rsi"]}}
    ).run()["p"]  # fmt: skip
    every = capture.create_signal_replay_topology(
        {**base, "recording": {"store": "signals", "strategies": ["rsi"]}}
    ).run()["p"]
    assert 0 < len(bull.fills) < len(every.fills)
    states = recording.signals()
    bulls = states[(states["strategy_id"] == "rsi") & (states["regime_trend"] == "bull")]
    entries = bull.fills[bull.fills["effect"] == "open"]
    assert set(entries["bar_index"] - 1) <= set(bulls["bar_index"])


def test_a_recording_of_another_backtester_is_replayed_by_what_it_wanted(folder):
    from backtesting import Backtest

    from tests.adapters.runs import goog
    from tests.adapters.strategies import SmaCross

    wrapped = capture.wrap(SmaCross, store="others", symbol="GOOG")
    Backtest(goog(), wrapped, cash=10_000, finalize_trades=True).run()
    said = {"recording": {"store": "others"}, "portfolios": {"p": {"cash": 10_000, "size": 5}}}
    with pytest.raises(ConfigurationError, match="intents are those of backtesting"):
        capture.create_signal_replay_topology(said)
    said["recording"]["mode"] = "target"
    results = capture.create_signal_replay_topology(said).run()["p"]
    assert len(results.fills) > 20


def test_signals_of_a_strategy_that_looked_at_its_portfolio_are_refused(folder):
    from capture_builtin import Backtest
    from tests.builtin.strategies import Reads

    feed = Feed.from_frame(frames()["A"], "A")
    Backtest(feed, capture.wrap(Reads, store="reads"), cash=10_000).run()
    said = {"recording": {"store": "reads"}, "portfolios": {"p": {"cash": 5_000}}}
    with pytest.raises((ClosedLoop, ConfigurationError), match="position"):
        capture.create_signal_replay_topology(said).run()
    said["recording"]["force"] = True
    assert len(capture.create_signal_replay_topology(said).run()["p"].equity) == 500


# --- components of others --------------------------------------------------------------------


class Others:
    """A plugin as a third party writes it."""

    @capture.hookimpl
    def register_components(self):
        def range_of(bars, *, scale=1.0):
            return (bars["high"] - bars["low"]) * scale

        class Narrow(own.SmaCross):
            limit = 1.0

            def generate_signal(self, market):
                return super().generate_signal(market) if market.feature("width") < 9 else None

        def kelly(*, fraction=0.5):
            return lambda proposal: fraction * proposal.equity / proposal.price

        def weekdays(*, days=(0, 1, 2)):
            def validate(proposal):
                day = int(np.datetime64(proposal.time_ns, "ns").astype("datetime64[D]").astype(int))
                return None if (day + 3) % 7 in days else "not on such a day"

            return validate

        def tick(*, size=0.01):
            return lambda price, side: price + side * size

        def flat_fee(*, fee=1.0):
            return lambda units, price: fee

        for name, made in {
            "feature.range_of": range_of, "strategy.narrow": Narrow, "sizer.kelly": kelly,
            "validator.weekdays": weekdays, "slippage.tick": tick, "commission.flat_fee": flat_fee,
        }.items():  # fmt: skip
            yield ComponentInfo(name, load=lambda made=made: made, summary="of others")


def test_components_of_others_are_named_like_our_own(folder):
    host = get_host()
    host.register(Others(), "others")
    try:
        capture.create_signal_generation_topology(
            "generation.yaml",
            features={"width": {"use": "range_of", "scale": 2.0}},
            strategies={"n": {"use": "narrow", "params": {"fast": 5, "slow": 20}}},
        ).run()
        said = {
            "sizer": {"use": "kelly", "fraction": 0.1},
            "validators": ["weekdays", {"use": "weekdays", "days": [1, 2]}],
            "slippage": {"use": "tick", "size": 0.25},
            "commission": {"use": "flat_fee", "fee": 2.0},
        }
        topology = capture.create_signal_replay_topology(
            {"recording": {"store": "signals"}, "portfolios": {"p": said}}
        )
        results = topology.run()["p"]
        with pytest.raises(ConfigurationError, match='Did you mean "fraction"'):
            capture.create_signal_replay_topology(
                {"recording": {"store": "signals"},
                 "portfolios": {"p": {"sizer": {"use": "kelly", "fractoin": 1}}}}
            )  # fmt: skip
    finally:
        host.unregister("others")
    assert set(results.fills["commission"]) == {2.0}
    days = {time.weekday() for time in results.trades["entry_time"]}
    assert days and days <= {1, 2, 3}  # decided on Tuesday or Wednesday, known an hour later
    signals = capture.open("signals").latest().signals()
    seen = signals[signals["symbol"] == "A"]  # which is the strategy's first symbol
    assert (seen["indicator_width"] < 9).all() and len(seen)


def test_building_a_topology_loads_no_backtester_of_others(folder):
    script = (
        "import sys, capture\n"
        "capture.create_signal_generation_topology('generation.yaml').run()\n"
        "assert not {'backtesting', 'backtrader', 'vectorbt', 'numba'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=folder)
