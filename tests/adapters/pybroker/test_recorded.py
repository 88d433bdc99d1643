"""What is recorded of a run of pybroker: context, outcomes, and what could not be recorded."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import InvalidOperation
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pybroker
import pytest
from pybroker import ExecContext, FeeMode, PositionMode, PriceType, Strategy
from pybroker.portfolio import Portfolio
from pybroker.scope import StaticScope

import capture
from capture.errors import ConfigError, NotReplayable, UnsupportedStrategy
from capture_pybroker import hearing
from tests.adapters.pybroker import strategies as s
from tests.adapters.pybroker.runs import (
    CASES,
    Case,
    Execution,
    assert_same_results,
    captured,
    goog,
    one,
    several,
)

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.host


def flags_of(recording: Any) -> dict[str, Any]:
    """Return what the recorder noted of the only part of a run."""
    [part] = recording.parts
    flags: dict[str, Any] = part.record["flags"]
    return flags


def the_only_one(store: Path) -> Any:
    """Return the recording that is in a store, of a run that did not end well."""
    [recording] = [capture.open(store)[run] for run in capture.open(store)]
    return recording


# --- which functions are pybroker's --------------------------------------------------------------


def test_what_takes_a_context_is_an_execution(tmp_path: Path) -> None:
    def named(ctx: ExecContext) -> None: ...
    def with_words(ctx, fast, slow=3): ...

    class Method:
        def execute(self, ctx: Any) -> None: ...

    for function in (named, with_words, partial(with_words, slow=4), Method().execute):
        assert capture.wrap(function, store=tmp_path).function is function
    wrapped = capture.wrap(named, store=tmp_path)
    assert capture.wrap(wrapped, store=tmp_path).function is named
    assert wrapped.__name__ == "named"


def test_what_says_that_it_takes_something_else_is_none(tmp_path: Path) -> None:
    def of_a_frame(frame: pd.DataFrame) -> None: ...
    def of_nothing() -> None: ...

    class Callable:
        def __call__(self, target: Any) -> None: ...

    for other in (of_a_frame, of_nothing, Callable(), Callable):
        with pytest.raises(UnsupportedStrategy, match="pybroker") as refused:
            capture.wrap(other, store=tmp_path)
        name = getattr(other, "__name__", "Callable")
        assert f"does not know what {name} is a strategy of" in str(refused.value)


def test_a_wrapped_function_that_no_backtest_calls_is_the_function(tmp_path: Path) -> None:
    class Context:
        symbol = "GOOG"
        buy_shares = 0

    def buy(ctx: Any) -> None:
        ctx.buy_shares += 3

    ctx = Context()
    capture.wrap(buy, store=tmp_path / "none")(ctx)
    assert ctx.buy_shares == 3
    assert not (tmp_path / "none").exists()


# --- context -------------------------------------------------------------------------------------


def test_a_signal_carries_its_whole_context(tmp_path: Path) -> None:
    results, recording = captured(CASES["SMA cross"], tmp_path)
    signals = recording.signals()
    closes = goog()["close"]
    for name, length in (("fast", 10), ("slow", 30)):
        mean = closes.rolling(length).mean().to_numpy()
        assert signals[f"indicator_{name}"].tolist() == mean[signals["bar_index"]].tolist()
    assert signals["market_close"].tolist() == closes.to_numpy()[signals["bar_index"]].tolist()
    assert set(signals["param_shares"]) == {50}
    dates = goog()["date"].to_numpy()[signals["bar_index"]]
    account = results.portfolio.loc[dates]
    assert signals["portfolio_equity"].tolist() == account["equity"].tolist()
    assert signals["capital_available"].tolist() == account["cash"].tolist()
    held = recording.fills().set_index("bar_index")["position_after"]
    for bar, before in zip(signals["bar_index"], signals["position_before"], strict=True):
        assert (
            before == held[held.index <= bar].iloc[-1] if (held.index <= bar).any() else not before
        )
    segment = recording.parts[0].segments[0]
    assert segment["indicators"]["fast"] | {"lines": None} == {
        "function": "_mean",
        "module": s.__name__,
        "params": {"length": 10},
        "lines": None,
    }


def test_settings_are_those_that_decide_fills(tmp_path: Path) -> None:
    case = CASES["SMA cross"]
    _, recording = captured(case, tmp_path)
    settings = recording.manifest["settings"]
    assert settings["initial_cash"] == 20_000
    assert (settings["fee_mode"], settings["fee_amount"]) == (str(FeeMode.ORDER_PERCENT), 0.2)
    assert settings["windows"] == 1
    assert "bootstrap_samples" not in settings


def test_equity_and_trades_are_the_hosts(tmp_path: Path) -> None:
    results, recording = captured(CASES["nasty"], tmp_path)
    equity = recording.equity()
    assert equity["equity"].tolist() == results.portfolio["market_value"].tolist()
    assert equity["cash"].tolist() == results.portfolio["cash"].tolist()
    trades = recording.trades()
    closed = trades[trades["exit_bar"].notna()]
    assert closed["profit"].tolist() == results.trades["pnl"].tolist()
    assert closed["entry_price"].tolist() == results.trades["entry"].tolist()
    assert closed["extra_stop"].fillna("").tolist() == results.trades["stop"].fillna("").tolist()
    assert recording.fills()["commission"].sum() == pytest.approx(results.orders["fees"].sum())


def test_a_stop_is_a_fill_of_the_signal_that_set_it(tmp_path: Path) -> None:
    _, recording = captured(CASES["a part of the capital, walkforward"], tmp_path)
    fills, signals = recording.fills(), recording.signals()
    assert set(fills["extra_order_type"]) == {"market", "stop_bar"}
    assert fills.groupby("signal_id").size().tolist() == [2] * len(signals)
    assert fills["decision_bar"].isna().tolist() == (fills["effect"] == "close").tolist()
    # 7 bars after it was opened
    bars = fills.groupby("signal_id")["bar_index"].agg(["first", "last"])
    assert (bars["last"] - bars["first"]).tolist() == [7] * len(bars)


def test_what_a_model_said_is_recorded_where_it_was_asked(tmp_path: Path) -> None:
    class Model:
        def predict(self, frame: pd.DataFrame) -> Any:
            return frame["fast"].to_numpy() * 2

    source = pybroker.model(
        "twice", lambda _symbol, _train, _test: Model(), indicators=[s.fast], predict_fn=None
    )

    def trade(ctx: Any) -> None:
        if ctx.bars % 5 == 0:
            ctx.preds("twice")
            ctx.buy_shares = 1

    case = Case(one(trade, "GOOG", models=source), goog, words={"windows": 2, "train_size": 0.5})
    results, recording = captured(case, tmp_path)
    assert_same_results(case(), results)
    signals = recording.signals()
    assert len(signals) > 20
    assert signals["indicator_twice_pred"].tolist() == (signals["indicator_fast"] * 2).tolist()


def test_intervals_are_what_was_known_at_the_bar(tmp_path: Path) -> None:
    seen = []

    def trade(ctx: Any) -> None:
        week = ctx.interval("weekly").indicator("fast")
        if ctx.bars % 40 == 0 and len(week):
            seen.append(week[-1])
            ctx.buy_shares = 1

    case = Case(
        one(trade, "GOOG", indicators=s.fast.intervals("weekly")), goog, words={"timeframe": "1d"}
    )
    _, recording = captured(case, tmp_path)
    assert np.array_equal(recording.signals()["indicator_fast_weekly"], seen, equal_nan=True)


# --- several executions --------------------------------------------------------------------------


def test_executions_of_one_strategy_are_one_run_with_a_strategy_each(tmp_path: Path) -> None:
    _, recording = captured(CASES["ranked, several executions"], tmp_path)
    by = recording.signals().groupby("strategy_id")["symbol"].agg(set).to_dict()
    assert by == {"ranked": {"AAA", "BBB", "CCC"}, "foreign": {"DDD"}, "sma_cross": {"EEE"}}
    assert recording.manifest["strategy"] == "ranked+foreign+sma_cross"
    assert recording.manifest["params"] == {"sma_cross.shares": 4}


def test_functions_of_one_name_are_told_apart(tmp_path: Path) -> None:
    both = tuple(Execution(s.ranked, (symbol,)) for symbol in ("AAA", "BBB"))
    _, recording = captured(Case(both, several), tmp_path)
    assert set(recording.signals()["strategy_id"]) == {"ranked", "ranked_2"}


def test_what_is_not_wrapped_is_named(tmp_path: Path) -> None:
    case = CASES["ranked, several executions"]

    def wrap(function: Any) -> Any:
        return capture.wrap(function, store=tmp_path) if function is s.ranked else function

    results = case(wrap)
    assert_same_results(case(), results)
    recording = capture.open(tmp_path).latest()
    assert flags_of(recording)["executions_not_captured"] == ["foreign", "sma_cross"]
    assert set(recording.fills()["symbol"]) == {"AAA", "BBB", "CCC"}
    assert capture.verify(tmp_path).ok


def test_one_run_goes_to_one_store(tmp_path: Path) -> None:
    case = CASES["ranked, several executions"]
    with pytest.raises(ConfigError, match="for one store"):
        case(lambda function: capture.wrap(function, store=tmp_path / function.__name__))
    assert not any(tmp_path.iterdir())


def test_an_order_of_another_symbol_is_taken_back_on_a_bar_of_that_symbol(tmp_path: Path) -> None:
    data = several()
    data = data[(data["symbol"] == "AAA") | (data["symbol"] == "CCC")].drop(range(30))

    def waits(ctx: Any) -> None:
        if ctx.bars == 20:
            ctx.buy_shares, ctx.buy_limit_price, ctx.buy_timeout_bars = 10, 1.0, -1

    def takes_back(ctx: Any) -> None:
        if ctx.bars == 55:
            ctx.cancel_all_pending_orders("AAA")

    both = (Execution(takes_back, ("CCC",)), Execution(waits, ("AAA",)))
    _, recording = captured(Case(both, lambda: data), tmp_path)
    [status] = recording.statuses().to_dict("records")
    assert (status["symbol"], status["reason"]) == ("AAA", "cancelled_by_strategy")
    assert status["bar_index"] == 24
    assert status["timestamp"] == data["date"][data["symbol"] == "CCC"].iloc[54].tz_localize("UTC")


# --- what became of it ---------------------------------------------------------------------------


def _every(bars: int, **fields: Any) -> Any:
    def buy(ctx: Any) -> None:
        if ctx.bars % bars == 0:
            for name, value in fields.items():
                setattr(ctx, name, value)

    return buy


@pytest.mark.parametrize(
    ("fields", "config", "reason"),
    [
        ({"buy_shares": 10}, {"position_mode": PositionMode.SHORT_ONLY}, "risk_limit"),
        ({"sell_shares": 10}, {"position_mode": PositionMode.LONG_ONLY}, "risk_limit"),
        ({"buy_shares": 10}, {"initial_cash": 5}, "insufficient_cash"),
        ({"buy_shares": 10}, {"initial_cash": 5, "leverage": 1.5}, "insufficient_margin"),
        ({"buy_shares": 0.4}, {}, "sized_to_zero"),
        ({"buy_shares": 0}, {}, "sized_to_zero"),
        ({"buy_shares": 1, "buy_limit_price": 1.0}, {}, "expired"),
        ({"buy_shares": 1}, {"buy_delay": 2000}, "end_of_data"),
        ({"buy_shares": 1, "buy_limit_price": 1.0, "buy_timeout_bars": -1}, {}, "end_of_data"),
        ({"buy_shares": 10**6}, {}, "insufficient_cash"),
    ],
)
def test_every_refusal_has_its_reason(
    fields: dict[str, Any], config: dict[str, Any], reason: str, tmp_path: Path
) -> None:
    case = Case(one(_every(300, **fields), "GOOG"), goog, config)
    results, recording = captured(case, tmp_path)
    assert_same_results(case(), results)
    signals = recording.signals()
    assert len(signals) == 4
    assert reason in set(signals["reason"])
    assert capture.verify(tmp_path).ok


def test_a_limit_says_how_long_it_stands(tmp_path: Path) -> None:
    fields = {"buy_shares": 1, "buy_limit_price": 1.0, "buy_timeout_bars": 4}
    _, recording = captured(Case(one(_every(300, **fields), "GOOG"), goog), tmp_path)
    orders, statuses = recording.orders(), recording.table("statuses").to_pandas()
    assert set(orders["valid"]) == {"5 bars"}
    assert set(orders["limit_price"]) == {1.0}
    # The first try is a bar after the signal.
    assert (statuses["bar_index"].to_numpy() - orders["bar_index"].to_numpy()).tolist() == [5] * 4


def test_notes_are_kept_with_bars_and_with_signals(tmp_path: Path) -> None:
    _, recording = captured(CASES["nasty"], tmp_path)
    signals = recording.signals()
    why = signals["note_why"].dropna()
    assert json.loads(why.iloc[0]) == {"turn": 3} if isinstance(why.iloc[0], str) else why.iloc[0]
    refused = signals[signals["reason"] == "filtered_by_strategy"]
    assert len(refused) == signals["note_quiet"].notna().sum() > 50
    notes = recording.table("notes").to_pandas()
    assert notes.loc[notes["name"] == "nothing", "signal_id"].isna().all()


# --- what is looked at ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("look", "said"),
    [
        (lambda ctx: ctx.cash, "cash"),
        (lambda ctx: ctx.total_equity, "equity"),
        (lambda ctx: ctx.long_pos(), "long_positions"),
        (lambda ctx: ctx.pos("GOOG", "short"), "short_positions"),
        (lambda ctx: list(ctx.positions()), "long_positions"),
        (lambda ctx: list(ctx.orders()), "orders"),
        (lambda ctx: list(ctx.trades()), "trades"),
        (lambda ctx: list(ctx.pending_orders()), "pending_orders"),
        (lambda ctx: ctx.win_rate, "win_rate"),
        (lambda ctx: ctx.buying_power, "available_buying_power"),
        (lambda ctx: ctx.calc_target_shares(0.5) > 3, "calc_target_shares"),
    ],
)
def test_a_look_at_the_portfolio_is_noticed(look: Any, said: str, tmp_path: Path) -> None:
    def trade(ctx: Any) -> None:
        look(ctx)
        if ctx.bars % 100 == 0:
            ctx.buy_shares = 1

    case = Case(one(trade, "GOOG"), goog)
    results, recording = captured(case, tmp_path)
    assert_same_results(case(), results)
    assert said in flags_of(recording)["closed_loop"]


@pytest.mark.parametrize("name", ["SMA cross", "targets, fractional", "rotation", "no signals"])
def test_what_only_says_what_is_wanted_looks_at_nothing(name: str, tmp_path: Path) -> None:
    assert "closed_loop" not in flags_of(captured(CASES[name], tmp_path)[1])


# --- what cannot be recorded, and what goes wrong ------------------------------------------------


def test_a_function_that_makes_prices_is_flagged_and_not_replayed(tmp_path: Path) -> None:
    def trade(ctx: Any) -> None:
        if ctx.bars % 100 == 0:
            ctx.buy_shares = 1
            ctx.buy_fill_price = lambda _symbol, bars: bars.close[-1]

    case = Case(one(trade, "GOOG"), goog)
    results, recording = captured(case, tmp_path)
    assert_same_results(case(), results)
    assert flags_of(recording)["callable_prices"] == ["buy_fill_price"]
    with pytest.raises(NotReplayable, match="buy_fill_price was a function"):
        case(lambda _: capture.replay(recording).into("pybroker"))
    target = case(lambda _: capture.replay(recording, "target").into("pybroker"))
    assert len(target.orders) == len(results.orders)  # at the host's own prices


def test_a_price_that_the_host_cannot_make_ends_the_run_as_failed(tmp_path: Path) -> None:
    def trade(ctx: Any) -> None:
        if ctx.bars == 300:
            ctx.buy_shares = 1
            ctx.buy_fill_price = lambda _symbol, _bars: 1 / 0

    with pytest.raises(ZeroDivisionError) as held:  # its traceback keeps the whole run
        captured(Case(one(trade, "GOOG"), goog), tmp_path)
    recording = the_only_one(tmp_path)
    assert recording.state == "failed"
    assert recording.manifest["problem"] == f"ZeroDivisionError: {held.value}"
    assert len(recording.signals()) == 1
    assert "unfreeze_data_cols" not in vars(StaticScope.instance())


def test_what_others_want_of_the_bar_on_which_a_strategy_raises_is_kept(tmp_path: Path) -> None:
    def trade(ctx: Any) -> None:
        if ctx.bars == 40:
            if ctx.symbol == "CCC":
                raise ArithmeticError("at bar 40")
            ctx.buy_shares = 1

    case = Case((Execution(trade, ("AAA", "CCC", "EEE")),), several)
    with pytest.raises(ArithmeticError):
        captured(case, tmp_path)
    recording = the_only_one(tmp_path)
    assert recording.manifest["problem"] == "the strategy raised ArithmeticError: at bar 40"
    # The host does not ask for what is wanted before it has called all; EEE's turn never came.
    assert recording.signals()["symbol"].tolist() == ["AAA"]
    assert recording.orders()["bar_index"].tolist() == [39]


def test_what_rotation_would_drop_is_no_signal_of_a_run_that_ends_before_it(tmp_path: Path) -> None:
    def trade(ctx: Any) -> None:
        ctx.buy_shares = 1
        if ctx.symbol == "CCC" and ctx.bars == 40:
            raise ArithmeticError("at bar 40")

    def rotate(strategy: Strategy) -> None:
        strategy.set_max_long_positions(1)
        strategy.enable_rotation(worst_rank_held=2)

    case = Case((Execution(trade, ("AAA", "CCC")),), several, prepare=rotate)
    with pytest.raises(ArithmeticError):
        captured(case, tmp_path)
    recording = the_only_one(tmp_path)
    assert recording.state == "failed"
    assert not len(recording.signals())


def test_what_cannot_be_compared_reaches_the_host_as_it_is(tmp_path: Path) -> None:
    def trade(ctx: Any) -> None:
        if ctx.bars == 300:
            ctx.buy_shares = 1
            ctx.buy_limit_price = np.array([1.0, 2.0])

    case = Case(one(trade, "GOOG"), goog)
    with pytest.raises(InvalidOperation) as plain:
        case()
    with pytest.raises(InvalidOperation) as found:
        captured(case, tmp_path)
    assert str(found.value) == str(plain.value)
    (kept,) = the_only_one(tmp_path).quarantine()["problem"]
    assert "ambiguous" in kept


def test_on_bars_without_a_wish_the_host_makes_nothing_of_a_context(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert hearing._KNOWN  # of the installed version: it is spared its own look
    case = CASES["nasty"]
    plain = case()
    for known in (True, False):
        monkeypatch.setattr(hearing, "_KNOWN", known)
        results, recording = captured(case, tmp_path / str(known))
        assert_same_results(plain, results)
        assert len(recording.signals()) > 20


def test_a_version_that_looks_at_more_is_asked_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    own = ExecContext.to_result
    monkeypatch.setattr(ExecContext, "to_result", lambda ctx: own(ctx) if ctx.more else None)
    assert not hearing._none_of_nothing()
    monkeypatch.setattr(ExecContext, "to_result", lambda _ctx: "something")
    assert not hearing._none_of_nothing()


def test_shares_that_are_no_number_are_kept_aside_once(tmp_path: Path) -> None:
    def trade(ctx: Any) -> None:
        if ctx.bars == 300:
            ctx.buy_shares = "many"

    with pytest.raises(InvalidOperation):
        captured(Case(one(trade, "GOOG"), goog), tmp_path)
    recording = the_only_one(tmp_path)
    assert recording.state == "failed"
    (kept,) = recording.quarantine()["problem"]
    assert "many" in kept


def test_a_portfolio_may_be_used_by_several_runs(tmp_path: Path) -> None:
    def twice(wrap: Any) -> tuple[Any, Any]:
        portfolio = Portfolio(50_000)
        case = CASES["flipping"]
        runs = [case.strategy(wrap).walkforward(1, train_size=0, portfolio=portfolio) for _ in "ab"]
        assert "buy" not in vars(portfolio)
        return runs[0], runs[1]

    plain = twice(lambda function: function)
    kept = twice(lambda function: capture.wrap(function, store=tmp_path))
    for one_of_them, other in zip(plain, kept, strict=True):
        assert_same_results(one_of_them, other)
    store = capture.open(tmp_path)
    first, second = (store[run] for run in store)
    assert len(first.fills()) + len(second.fills()) == len(kept[1].orders)
    assert len(second.equity()) == len(first.equity())
    assert capture.verify(tmp_path).ok


def test_a_strategy_may_run_twice(tmp_path: Path) -> None:
    case = replace(CASES["a part of the capital, walkforward"], config={"buy_delay": 2})
    strategy = case.strategy(lambda function: capture.wrap(function, store=tmp_path))
    plain = case.strategy()
    for windows in (3, 2):
        words = {"windows": windows, "train_size": 0.5, "calc_bootstrap": True}
        one_of_them, other = plain.walkforward(**words), strategy.walkforward(**words)
        assert_same_results(one_of_them, other)
        assert str(one_of_them.bootstrap) == str(other.bootstrap)
    assert "_to_test_result" not in vars(strategy)
    assert len(capture.open(tmp_path)) == 2


def test_prices_said_in_every_way_are_recorded(tmp_path: Path) -> None:
    from decimal import Decimal

    ways = (PriceType.LOW, 120.5, np.float32(120.1), Decimal("119.99"), 118)

    def trade(ctx: Any) -> None:
        turn, rest = divmod(ctx.bars, 50)
        if rest == 0:
            ctx.buy_shares = np.int64(turn) if turn % 2 else Decimal(turn)
            ctx.buy_fill_price = ways[turn % len(ways)]
            ctx.buy_limit_price = np.float32(1000.1)
            ctx.stop_loss_pct = np.float64(2.5)

    case = Case(one(trade, "GOOG"), goog, {"round_fill_price": False})
    results, recording = captured(case, tmp_path)
    assert_same_results(case(), results)
    assert_same_results(results, case(lambda _: capture.replay(recording).into("pybroker")))
    assert len(results.orders) > 20


@pytest.mark.parametrize("verb", ["set_target_shares", "sell_all_shares"])
def test_who_turns_a_size_that_a_method_said_round_is_taken_at_his_word(
    verb: str, tmp_path: Path
) -> None:
    def contrarian(ctx: ExecContext) -> None:
        if ctx.bars == 3:
            ctx.buy_shares = 5
        elif ctx.bars == 8:
            if verb == "set_target_shares":
                ctx.set_target_shares(0.0, dir="long")
            else:
                ctx.sell_all_shares()
            ctx.buy_shares, ctx.sell_shares = ctx.sell_shares, None
            ctx.buy_fill_price = PriceType.OPEN

    case = Case(one(contrarian, "GOOG"), goog)
    results, recording = captured(case, tmp_path)
    assert results.orders["type"].tolist() == ["buy", "buy"]
    replay = capture.replay(recording).into("pybroker")
    assert_same_results(results, case(lambda _: replay))


def test_an_order_that_leaves_a_position_leaves_it_with_other_shares_too(tmp_path: Path) -> None:
    def generous(ctx: ExecContext) -> None:
        if ctx.bars == 3:
            ctx.buy_shares = 10
        elif ctx.bars == 8:
            ctx.sell_all_shares()
            ctx.sell_shares += 5  # of which the host sells no more than it has

    case = Case(one(generous, "GOOG"), goog)
    results, recording = captured(case, tmp_path / "run")
    assert results.orders["intent"].tolist() == ["buy_to_open", "sell_to_close"]
    replay = capture.replay(recording).into("pybroker", store=tmp_path / "again")
    assert_same_results(results, case(lambda _: replay))
    assert capture.parity(recording, capture.open(tmp_path / "again").latest("replay")).exact
