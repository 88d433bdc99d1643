"""Runs of NautilusTrader on real bars, and what is compared of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pandas as pd
from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.backtest.models import FillModel, LatencyModel, PerContractFeeModel
from nautilus_trader.config import LoggingConfig
from nautilus_trader.model.currencies import USD
from nautilus_trader.model.data import BarType
from nautilus_trader.model.enums import AccountType, OmsType
from nautilus_trader.model.identifiers import Venue
from nautilus_trader.model.objects import Money
from nautilus_trader.persistence.wranglers import BarDataWrangler
from nautilus_trader.test_kit.providers import TestInstrumentProvider

import capture
from capture.testing.running import HostRuns
from tests.adapters.nautilus import strategies as s

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from capture.replaying.replay import Replay
    from capture.store.recording import Recording
    from capture.testing.running import Run

GOOG: Final = "GOOG.XNAS-1-DAY-LAST-EXTERNAL"
EURUSD: Final = "EUR/USD.SIM-1-HOUR-MID-EXTERNAL"
WEEK: Final = "GOOG.XNAS-1-WEEK-LAST-EXTERNAL"
RANDOM: Final = ("init_id", "position_id", "event_id", "ts_started")


@cache
def instrument(name: str) -> Any:
    if name.startswith("GOOG"):
        return TestInstrumentProvider.equity("GOOG", "XNAS")
    return TestInstrumentProvider.default_fx_ccy("EUR/USD", Venue("SIM"))


@cache
def bars(name: str, count: int) -> Any:
    from backtesting import test

    frame = test.GOOG if name.startswith("GOOG") else test.EURUSD
    frame = frame.rename(columns=str.lower).iloc[:count]
    frame.index = frame.index.tz_localize("UTC")
    if name == WEEK:
        ends = {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}
        frame = frame.resample("W-FRI").agg(ends).dropna()
    return BarDataWrangler(BarType.from_str(name), instrument(name)).process(frame)


@dataclass(frozen=True)
class Results:
    """What the host says of a run; nothing that is random in it."""

    orders: Any
    fills: Any
    positions: Any
    accounts: Any
    bars: Any = field(compare=False, repr=False)

    @property
    def traded(self) -> Counter[tuple[int, int, float]]:
        found: Counter[tuple[int, int, float]] = Counter()
        for row in self.fills:
            times = self.bars[row["instrument_id"]]
            at = times.searchsorted(row["ts_event"], side="right") - 1
            side = 1 if row["order_side"] == "BUY" else -1
            found[(int(at), side, float(row["last_px"]))] += float(row["last_qty"])
        return found


@dataclass(frozen=True)
class Case:
    """A strategy, its bars, and the settings of the engine."""

    strategy: Any
    names: tuple[tuple[str, int], ...] = ((GOOG, 300),)
    config: Mapping[str, Any] = field(default_factory=dict)
    venue: Mapping[str, Any] = field(default_factory=dict)
    balance: float = 1_000_000.0
    times: int = 1
    configured: type[s.Config] = s.Config

    def engine(self) -> Any:
        """Return an engine with its venues and bars."""
        logging = LoggingConfig(bypass_logging=True)
        engine = BacktestEngine(BacktestEngineConfig(logging=logging, run_analysis=False))
        known = dict.fromkeys(instrument(name) for name, _ in self.names)
        for each in known:
            if each.id.venue not in engine.list_venues():
                more = {name: make() if callable(make) else make
                        for name, make in self.venue.items()}  # fmt: skip
                given = {"oms_type": OmsType.NETTING, "account_type": AccountType.MARGIN, **more}
                engine.add_venue(
                    each.id.venue, starting_balances=[Money(self.balance, USD)],
                    base_currency=USD, **given,
                )  # fmt: skip
            engine.add_instrument(each)
        for name, count in self.names:
            if count:
                engine.add_data(bars(name, count))
        return engine

    def __call__(self, wrap: Callable[[Any], Any] = lambda strategy: strategy) -> Results:
        engine = self.engine()
        kinds = self.strategy if isinstance(self.strategy, tuple) else (self.strategy,)
        types = tuple(name for name, _ in self.names)
        for place, kind in enumerate(kinds):
            made = wrap(kind)
            if isinstance(made, type):
                tag = {} if place == 0 else {"order_id_tag": f"{place:03d}"}
                made = made(self.configured(**{"bar_types": types, **tag, **self.config}))
            engine.add_strategy(made)
        for turn in range(self.times):
            if turn:
                engine.reset()
            engine.run()
        results = results_of(engine, self.names)
        engine.dispose()
        return results


def results_of(engine: Any, names: Any) -> Results:
    trader, cache = engine.trader, engine.cache
    fills = [
        {k: v for k, v in type(e).to_dict(e).items() if k not in RANDOM}
        for order in cache.orders()
        for e in order.events
        if type(e).__name__ == "OrderFilled"
    ]
    fills.sort(key=lambda row: (row["ts_event"], row["client_order_id"], row["trade_id"]))
    held = trader.generate_positions_report()
    accounts = {str(venue): trader.generate_account_report(venue) for venue in engine.list_venues()}
    return Results(
        plain(trader.generate_orders_report()),
        fills,
        plain(held.set_axis([0] * len(held))),  # in no order, where they were opened at once
        {name: plain(report) for name, report in accounts.items()},
        {
            str(instrument(name).id): pd.Index([bar.ts_init for bar in bars(name, count)])
            for name, count in reversed(names)
        },
    )


def plain(report: Any) -> list[dict[str, str]]:
    kept = report.drop(columns=[name for name in RANDOM if name in report.columns])
    rows: list[dict[str, str]] = kept.reset_index().astype(str).to_dict("records")
    return sorted(rows, key=str)


def captured(case: Case, folder: Path, **options: Any) -> tuple[Results, Recording]:
    """Run it captured."""
    results = case(lambda strategy: capture.wrap(strategy, store=folder, **options))
    return results, capture.open(folder).latest()


class Nautilus(HostRuns):
    """How results of the host are compared, and what they say was traded."""

    adapter = "nautilus"

    def compare(self, expected: Results, got: Results) -> None:
        assert got == expected
        assert any(expected.accounts.values())

    def fills(self, results: Results) -> Counter[tuple[int, int, float]]:
        return results.traded

    def replays(self, run: Run, replay: Replay, **options: Any) -> Callable[[], Any]:
        """The host runs a strategy that was made already, and each of those but once."""
        return lambda: run(lambda _: replay.into(self.adapter, **options))


YEAR: Final = ((GOOG, 300),)
HOURS: Final = ((EURUSD, 600),)
BOTH: Final = ((GOOG, 200), (EURUSD, 400))

CASES: Final[Mapping[str, Case]] = {
    "SMA cross, GOOG days": Case(s.SmaCross, ((GOOG, 2148),)),
    "SMA cross, EURUSD hours": Case(s.SmaCross, HOURS, {"size": 10_000}),
    "bands, many values": Case(s.Banded),
    "brackets": Case(s.Brackets),
    "brackets, managed by the strategy": Case(
        s.Brackets,
        config={"manage_contingent_orders": True},
        venue={"support_contingent_orders": False},
    ),
    "nasty": Case(s.Nasty),
    "nasty, managed expiry": Case(
        s.Nasty, config={"manage_gtd_expiry": True}, venue={"support_gtd_orders": False}
    ),
    "nasty, late and slipping": Case(
        s.Nasty,
        venue={
            "fill_model": lambda: FillModel(
                prob_fill_on_limit=0.5, prob_slippage=0.5, random_seed=7
            ),
            "latency_model": lambda: LatencyModel(base_latency_nanos=1_000_000),
            "fee_model": lambda: PerContractFeeModel(Money(0.01, USD)),
        },
    ),
    "reacting": Case(s.Reacting),
    "timers": Case(s.Timed),
    "two instruments": Case(s.Pair, BOTH),
    "two lengths of a bar": Case(s.Pair, ((GOOG, 200), (WEEK, 200))),
    "hedged": Case(s.Hedged, venue={"oms_type": OmsType.HEDGING}),
    "holding": Case(s.Holding),
    "cash account": Case(s.Nasty, venue={"account_type": AccountType.CASH}, balance=100_000.0),
    "refused": Case(s.Refused, venue={"account_type": AccountType.CASH}),
    "notes": Case(s.Filtering),
    "names without hyphens": Case(s.Nasty, config={"use_hyphens_in_client_order_ids": False}),
    "run twice": Case(s.Brackets, times=2),
    "no signals": Case(s.Silent),
}
