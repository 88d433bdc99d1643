"""What bars do to orders: gaps, stops and limits in one bar, volume, the end of the data."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.errors import ConfigError, UnknownName
from capture_builtin import Backtest, Feed, Needs, Signal, Strategy
from capture_builtin.matching import Protection, left_at, reached
from tests.builtin.market import bars, flat

CALM = (100, 101, 99, 100)


def plan(**signals: Any) -> type[Strategy]:
    """A strategy that gives these signals, by the number of the bar: `b0=Signal(...)`."""

    class Planned(Strategy):
        def generate_signal(self, market):
            return signals.get(f"b{market.index}")

    return Planned


def run(prices: list[tuple[float, ...]], **words: Any) -> Any:
    signals = {
        name: words.pop(name) for name in list(words) if name[0] == "b" and name[1:].isdigit()
    }
    volume = words.pop("volume", 1e6)
    return Backtest(flat(prices, volume), plan(**signals), **words).run()


def fills(results: Any) -> list[tuple[int, float, float]]:
    """Bar, units with their sign, and price of each fill."""
    return [(f.bar_index, f.side * f.size, f.price) for f in results.fills.itertuples()]


BUY, SELL, EXIT = Signal(direction=1), Signal(direction=-1), Signal(direction=0)


# --- when and where ---------------------------------------------------------------------------


def test_a_signal_fills_at_the_next_open_and_never_on_its_own_bar():
    assert fills(run([CALM, (103, 104, 102, 103)], b0=BUY)) == [(1, 1.0, 103.0)]


def test_a_signal_fills_at_its_own_close_if_that_is_the_setting():
    assert fills(run([CALM, CALM], b0=BUY, fill="close")) == [(0, 1.0, 100.0)]


def test_a_reversal_is_two_fills_of_which_the_first_closes():
    results = run([CALM] * 4, b0=BUY, b1=SELL)
    assert fills(results) == [(1, 1.0, 100.0), (2, -1.0, 100.0), (2, -1.0, 100.0)]
    assert results.fills["effect"].tolist() == ["open", "close", "open"]
    assert results.fills["trade_number"].tolist() == [1, 1, 2]


def test_the_last_signal_has_no_bar_to_fill_on():
    results = run([CALM, CALM], b1=BUY)
    assert fills(results) == []


def test_slippage_is_worse_on_both_sides_and_commission_is_paid():
    results = run([CALM] * 3, b0=BUY, b1=EXIT, slippage_fraction=0.01, commission_rate=0.001)
    assert fills(results) == [(1, 1.0, 101.0), (2, -1.0, 99.0)]
    assert results.final == 100_000 - 2 - 0.101 - 0.099


# --- limits and stops ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("signal", "bar", "price"),
    [
        (Signal(direction=1, limit=98), (100, 101, 97, 100), 98),
        (Signal(direction=1, limit=98), (96, 97, 95, 96), 96),  # a gap in its favour
        (Signal(direction=1, limit=98), (100, 101, 98.5, 100), None),
        (Signal(direction=-1, limit=102), (100, 103, 99, 100), 102),
        (Signal(direction=-1, limit=102), (105, 106, 104, 105), 105),
        (Signal(direction=1, stop=102), (100, 103, 99, 100), 102),
        (Signal(direction=1, stop=102), (107, 108, 106, 107), 107),  # a gap against it
        (Signal(direction=-1, stop=98), (100, 101, 97, 100), 98),
        (Signal(direction=-1, stop=98), (93, 94, 92, 93), 93),
        (Signal(direction=1, stop=102, limit=103), (100, 104, 99, 100), 102),
        (Signal(direction=1, stop=102, limit=103), (107, 108, 106, 107), None),
        (Signal(direction=1, stop=102, limit=103), (107, 108, 102.5, 104), 103),
        # Triggered inside the bar, with a limit below the trigger: whether the price came there
        # before or afterwards nobody knows.
        (Signal(direction=1, stop=102, limit=101), (100, 104, 99, 103), None),
    ],
)
def test_an_order_with_a_price_fills_where_the_bar_lets_it(signal, bar, price):
    expected = [] if price is None else [(1, float(signal.direction), float(price))]
    assert fills(run([CALM, bar], b0=signal)) == expected


def test_a_stop_limit_that_was_triggered_is_a_limit_from_then_on():
    signal = Signal(direction=1, stop=102, limit=101)
    results = run([CALM, (100, 104, 99, 103), (103, 103, 100, 102)], b0=signal)
    assert fills(results) == [(2, 1.0, 101.0)]


def test_an_order_expires_when_its_bars_are_over():
    signal = Signal(direction=1, limit=98, valid_bars=2)
    assert fills(run([CALM, CALM, CALM, (97, 98, 96, 97)], b0=signal)) == []
    assert fills(run([CALM, CALM, (97, 98, 96, 97)], b0=signal)) == [(2, 1.0, 97.0)]


def test_a_new_signal_replaces_an_order_that_waits():
    results = run([CALM, CALM, (97, 99, 96, 98)], b0=Signal(direction=1, limit=98), b1=SELL)
    assert fills(results) == [(2, -1.0, 97.0)]


def test_slippage_does_not_pass_a_limit():
    results = run([CALM, (100, 101, 97, 100)], b0=Signal(direction=1, limit=98),
                  slippage_fraction=0.01)  # fmt: skip
    assert fills(results) == [(1, 1.0, 98.0)]


def test_prices_of_signals_count_only_where_the_portfolio_says_so():
    results = run([CALM, CALM], b0=Signal(direction=1, limit=50, size=9), orders="market")
    assert fills(results) == [(1, 1.0, 100.0)]


prices = st.floats(50, 150)


@given(st.sampled_from([1.0, -1.0]), st.lists(prices, min_size=4, max_size=4),
       st.none() | prices, st.none() | prices)  # fmt: skip
def test_no_order_fills_outside_of_its_bar_nor_beyond_its_limit(side, four, limit, stop):
    low, first, last, high = sorted(four)
    for opened in (first, last, low, high):
        price, triggered = reached(side, opened, high, low, limit, stop)
        assert triggered == (stop is not None and (stop - (high if side > 0 else low)) * side <= 0)
        if price is not None:
            assert low <= price <= high
            assert limit is None or (price - limit) * side <= 0
            assert stop is None or triggered


# --- protections -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bar", "left"),
    [
        ((100, 101, 94, 96), 95),  # the stop
        ((100, 112, 99, 110), 110),  # the profit
        ((100, 112, 94, 100), 95),  # both in one bar: the worse one happened
        ((90, 92, 88, 91), 90),  # a gap through the stop is paid for
        ((115, 116, 114, 115), 115),  # a gap beyond the profit is taken
        ((100, 109, 96, 100), None),
    ],
)
def test_a_position_is_left_at_its_stop_or_its_profit(bar, left):
    signal = Signal(direction=1, stop_loss=95, take_profit=110)
    results = run([CALM, CALM, bar], b0=signal)
    assert fills(results)[1:] == ([] if left is None else [(2, -1.0, float(left))])


def test_a_position_is_protected_on_the_bar_that_opened_it():
    signal = Signal(direction=1, stop_loss=95)
    assert fills(run([CALM, (100, 101, 94, 96)], b0=signal)) == [(1, 1.0, 100.0), (1, -1.0, 95.0)]


def test_what_came_to_be_inside_a_bar_takes_no_profit_on_it():
    """The high may have come before the limit was reached."""
    signal = Signal(direction=1, limit=98, take_profit=104, stop_loss=90)
    results = run([CALM, (100, 105, 97, 99), (100, 105, 99, 104)], b0=signal)
    assert fills(results) == [(1, 1.0, 98.0), (2, -1.0, 104.0)]


def test_a_short_position_is_protected_the_other_way_round():
    signal = Signal(direction=-1, stop_loss=105, take_profit=90)
    assert fills(run([CALM, CALM, (100, 106, 99, 100)], b0=signal))[1:] == [(2, 1.0, 105.0)]
    assert fills(run([CALM, CALM, (100, 101, 89, 100)], b0=signal))[1:] == [(2, 1.0, 90.0)]


def test_a_trailing_stop_follows_the_best_price_of_the_bars_before():
    path = [CALM, CALM, (100, 120, 100, 120), (119, 121, 112, 115), (115, 115, 110, 112)]
    results = run(path, b0=Signal(direction=1, trail=10))
    # Best was 120 when the bar began that made 121; it fell to 112, above 110. Then 121 - 10.
    assert fills(results) == [(1, 1.0, 100.0), (4, -1.0, 111.0)]


def test_the_portfolio_protects_by_fractions_of_the_entry():
    results = run([CALM, CALM, (100, 101, 94, 96)], b0=BUY, stop_loss=0.05, take_profit=0.2)
    assert fills(results)[1:] == [(2, -1.0, 95.0)]
    assert results.fills["because"].tolist() == ["order", "stop_loss"]


def test_a_stop_loss_slips_and_a_take_profit_does_not():
    words = {"b0": Signal(direction=1, stop_loss=95, take_profit=110), "slippage_fixed": 1.0}
    assert fills(run([CALM, CALM, (100, 101, 94, 96)], **words))[1] == (2, -1.0, 94.0)
    assert fills(run([CALM, CALM, (100, 111, 99, 100)], **words))[1] == (2, -1.0, 110.0)


@given(st.sampled_from([1.0, -1.0]), st.lists(prices, min_size=4, max_size=4),
       st.none() | prices, st.none() | prices, st.none() | prices, st.booleans())  # fmt: skip
def test_no_protection_leaves_outside_of_its_bar(side, four, stop, take, trail, begun):
    low, first, last, high = sorted(four)
    protection = Protection(stop, take, trail)
    for opened in (first, last, low, high):
        found = left_at(side, opened, high, low, protection, begun=True)
        if found is not None:
            assert low <= found[0] <= high
        inside = left_at(side, opened, high, low, protection, begun=False)
        if inside is not None:
            assert inside[1] != "take_profit"


# --- sizes, volume, money --------------------------------------------------------------------


def test_a_size_that_rounds_to_nothing_trades_nothing():
    assert fills(run([CALM] * 3, b0=BUY, sizer="value", size=99, lot=1)) == []
    assert fills(run([CALM] * 3, b0=BUY, sizer="value", size=250, lot=1)) == [(1, 2.0, 100.0)]


def test_volume_fills_an_order_piece_by_piece():
    results = run([CALM] * 5, b0=BUY, size=25, volume=100, participation=0.1)
    assert fills(results) == [(1, 10.0, 100.0), (2, 10.0, 100.0), (3, 5.0, 100.0)]


def test_an_exit_that_volume_holds_up_goes_on_until_nothing_is_held():
    results = run([CALM] * 8, b0=BUY, b3=EXIT, size=25, volume=100, participation=0.1)
    assert [units for _, units, _ in fills(results)] == [10, 10, 5, -10, -10, -5]
    assert results.portfolio.held == [0.0]


def test_the_opposite_signal_replaces_what_volume_left_over():
    results = run([CALM] * 8, b0=BUY, b1=SELL, size=25, volume=100, participation=0.1)
    assert [units for _, units, _ in fills(results)] == [10, -10, -10, -10, -5]


def test_volume_is_shared_by_all_orders_of_a_bar():
    results = run([CALM] * 3, b0=Signal(direction=1, size=6), b1=Signal(direction=-1, size=20),
                  volume=10, participation=1.0)  # fmt: skip
    assert fills(results) == [(1, 6.0, 100.0), (2, -6.0, 100.0), (2, -4.0, 100.0)]


def test_participation_without_volume_is_refused():
    frame = flat([CALM] * 3).drop(columns="volume")
    with pytest.raises(ConfigError, match="no volume"):
        Backtest(frame, plan(b0=BUY), participation=0.1).run()


def test_what_the_account_cannot_pay_for_is_not_bought():
    assert fills(run([CALM] * 3, b0=BUY, size=11, cash=1_000)) == []
    assert fills(run([CALM] * 3, b0=BUY, size=11, cash=1_000, leverage=2)) == [(1, 11.0, 100.0)]


def test_stages_of_ones_own_decide():
    seen = []

    def refuse(proposal):
        seen.append((proposal.units, proposal.price, proposal.equity))
        return "not on my watch" if proposal.units > 4 else None

    words = {"validators": [refuse], "sizer": lambda proposal: proposal.equity / 10_000}
    assert fills(run([CALM] * 3, b0=BUY, cash=50_000, **words)) == []
    assert fills(run([CALM] * 3, b0=BUY, cash=40_000, **words)) == [(1, 4.0, 100.0)]
    assert seen == [(5.0, 100.0, 50_000.0), (4.0, 100.0, 40_000.0)]
    costs = {"slippage": lambda price, side: price + side, "commission": lambda units, price: 7.0}
    results = run([CALM] * 3, b0=BUY, **costs)
    assert fills(results) == [(1, 1.0, 101.0)]
    assert results.final == 100_000 - 101 - 7 + 100


# --- data that are not as they should be -----------------------------------------------------


def test_a_bar_that_lacks_a_price_fills_nothing_and_marks_nothing():
    hole = (np.nan,) * 4
    feed = Feed.from_frame(flat([CALM, hole, (105, 106, 104, 105), CALM]), "A", nan="keep")
    results = Backtest(feed, plan(b0=BUY)).run()
    assert fills(results) == [(2, 1.0, 105.0)]
    assert results.equity.tolist()[:2] == [100_000.0, 100_000.0]
    held = Backtest(Feed.from_frame(flat([CALM, CALM, hole]), "A", nan="keep"), plan(b0=BUY)).run()
    assert held.equity.tolist() == [100_000.0] * 3


def test_other_symbols_and_other_timeframes_than_declared_cannot_be_asked_for():
    class Peeks(Strategy):
        def needs(self):
            return Needs(symbols=("A",))

        def generate_signal(self, market):
            return 1 if market["B"].close else None

    data = {"A": bars(20, 1), "B": bars(20, 2)}
    with pytest.raises(UnknownName, match="declared"):
        Backtest(data, Peeks).run()
