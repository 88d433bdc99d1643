"""What portfolios are made of, in every shape that a user may give it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import vectorbt as vbt
from numba import njit
from vectorbt.portfolio import nb

from tests.adapters.vectorbt import prices as p

_FEW = 300


def sma_goog() -> dict[str, Any]:
    return p.crossing(p.close_of(p.goog()))


def sma_eurusd() -> dict[str, Any]:
    return p.crossing(p.close_of(p.eurusd()))


def sma_assets() -> dict[str, Any]:
    return p.crossing(p.assets(), 5, 15)


def rsi() -> dict[str, Any]:
    """Return entries of both sides, each with exits of its own."""
    close = p.close_of(p.eurusd())
    found = vbt.RSI.run(close, window=14)
    return {
        **_bars(p.eurusd()),
        "close": close,
        "entries": found.rsi_crossed_below(30),
        "exits": found.rsi_crossed_above(55),
        "short_entries": found.rsi_crossed_above(70),
        "short_exits": found.rsi_crossed_below(45),
    }


def goog_rsi() -> dict[str, Any]:
    """Return entries and exits of both sides, where exits also come while the other is held."""
    close = p.close_of(p.goog())
    found = vbt.RSI.run(close, window=5)
    return {
        "close": close,
        "entries": found.rsi_crossed_above(60),
        "exits": found.rsi_crossed_below(50),
        "short_entries": found.rsi_crossed_below(35),
        "short_exits": found.rsi_crossed_above(45),
    }


def _bars(frame: pd.DataFrame) -> dict[str, Any]:
    return {name: frame[name.title()] for name in ("open", "high", "low")}


def sma_bars() -> dict[str, Any]:
    return {**sma_goog(), **_bars(p.goog())}


def silent() -> dict[str, Any]:
    close = p.close_of(p.goog())
    nothing = pd.Series(data=False, index=close.index)
    return {"close": close, "entries": nothing, "exits": nothing}


def every_bar() -> dict[str, Any]:
    close = p.close_of(p.goog())
    up = (close.diff() > 0).to_numpy()
    return {"close": close, "entries": up, "exits": ~up}


def scalar() -> dict[str, Any]:
    close = p.close_of(p.goog())
    return {"close": close, "entries": True, "exits": close.pct_change() < -0.05}


def arrays() -> dict[str, Any]:
    words = sma_goog()
    entries, exits = words["entries"].to_numpy(), words["exits"].to_numpy()
    return {"close": words["close"], "entries": entries, "exits": exits}


def lists() -> dict[str, Any]:
    close = p.close_of(p.goog()).iloc[:_FEW]
    return {
        "close": close,
        "entries": [i % 20 == 3 for i in range(_FEW)],
        "exits": [i % 20 == 13 for i in range(_FEW)],
    }


def frame_of_one() -> dict[str, Any]:
    words = sma_goog()
    return {name: value.to_frame("GOOG") for name, value in words.items()}


def broadcast() -> dict[str, Any]:
    close = p.assets()
    lead = close["AAA"].rename(None)
    return {"close": close, "entries": lead.diff() > 3, "exits": lead.diff() < -3}


def gappy() -> dict[str, Any]:
    close = p.close_of(p.gappy())
    place = np.arange(len(close))
    return {"close": close, "entries": place % 37 < 2, "exits": place % 37 == 20}


def bare() -> dict[str, Any]:
    words = sma_goog()
    return {name: value.to_numpy() for name, value in words.items()}


def own_bars() -> dict[str, Any]:
    """Return for each bar a size, a price and stops, and no stop at some of them."""
    words, bars = sma_bars(), p.goog()
    close = words["close"]
    risk = close.rolling(20).std()
    return {
        **words,
        "size": (1_000 / risk).fillna(1.0),
        "price": (bars["High"] + bars["Low"]) / 2,
        "sl_stop": (risk / close * 2).fillna(np.inf),
        "tp_stop": np.where(close.diff() > 0, np.nan, 0.06),
    }


def conflicting() -> dict[str, Any]:
    words = sma_goog()
    return {**words, "exits": words["exits"] | words["entries"].vbt.signals.fshift(0)}


def conflicting_directions() -> dict[str, Any]:
    words = rsi()
    return {**words, "short_entries": words["short_entries"] | words["entries"]}


def numbered_columns() -> dict[str, Any]:
    close = p.assets().set_axis([5, 7, 9], axis=1)
    return p.crossing(close)


def grid() -> dict[str, Any]:
    """Return every pair of four averages."""
    close = p.goog()["Close"]
    fast, slow = vbt.MA.run_combs(close, [5, 10, 20, 40], r=2, short_names=["fast", "slow"])
    return {
        "close": close,
        "entries": fast.ma_crossed_above(slow),
        "exits": fast.ma_crossed_below(slow),
    }


def grid_of_assets() -> dict[str, Any]:
    close = p.assets()
    average = vbt.MA.run(close, [5, 20], short_name="ma")
    return {
        "close": close,
        "entries": average.close_crossed_above(average.ma),
        "exits": average.close_crossed_below(average.ma),
    }


def middle(close: Any, window: int, share: float) -> Any:
    """Return the middle of the last bars, a little lower or higher."""
    frame = pd.DataFrame(close)
    return ((frame.rolling(window).max() + frame.rolling(window).min()) / 2 * share).to_numpy()


def own_indicator() -> dict[str, Any]:
    close = p.close_of(p.goog())
    factory = vbt.IndicatorFactory(
        class_name="Middle",
        short_name="middle",
        input_names=["close"],
        param_names=["window", "share"],
        output_names=["line"],
    ).from_apply_func(middle)
    found = factory.run(close, window=[10, 30], share=[0.99, 1.01], param_product=True)
    return {
        "close": close,
        "entries": found.close_crossed_above(found.line),
        "exits": found.close_crossed_below(found.line),
    }


# --- orders --------------------------------------------------------------------------------------


def _every(close: Any, **turns: float) -> pd.Series[float]:
    """Return a size at certain bars of every fifty, and NaN at the others."""
    sizes = pd.Series(np.nan, index=close.index)
    for turn, size in turns.items():
        sizes.iloc[int(turn[1:]) :: 50] = size
    return sizes


def amounts() -> dict[str, Any]:
    close = p.close_of(p.goog())
    return {"close": close, "size": _every(close, t3=2, t20=-1.5, t30=np.inf, t31=0, t40=-np.inf)}


def at_open() -> dict[str, Any]:
    return {**amounts(), "price": p.goog()["Open"]}


def targets() -> dict[str, Any]:
    close = p.close_of(p.goog())
    return {"close": close, "size": _every(close, t3=0.5, t20=0.2, t30=-0.5, t40=0)}


def values() -> dict[str, Any]:
    close = p.close_of(p.goog())
    return {"close": close, "size": _every(close, t5=1_000, t45=-800)}


def too_much() -> dict[str, Any]:
    close = p.close_of(p.goog())
    return {"close": close, "size": _every(close, t5=5_000, t25=0.1)}


def weights() -> dict[str, Any]:
    close = p.assets()
    shares = pd.DataFrame(np.nan, close.index, close.columns)
    shares.iloc[::60] = [0.2, 0.3, 0.4]
    shares.iloc[30::60] = [0.5, 0.1, 0.0]
    return {"close": close, "size": shares}


def amounts_of_assets() -> dict[str, Any]:
    close = p.assets()
    sizes = pd.DataFrame(np.nan, close.index, close.columns)
    sizes.iloc[::40] = [0.1, 20.0, 30.0]
    return {"close": close, "size": sizes}


def numbered_orders() -> dict[str, Any]:
    close = p.close_of(p.numbered())
    return {"close": close, "size": _every(close, t3=2, t20=-2)}


# --- compiled callbacks --------------------------------------------------------------------------


@njit
def _order(context: Any, size: float) -> Any:  # type: ignore[no-untyped-def]
    turn = context.i % 10
    sized = size if turn == 0 else (-size if turn == 5 else np.nan)
    return nb.order_nb(size=sized, price=context.close[context.i, context.col], fees=0.001)


@njit
def _signal(context: Any) -> Any:  # type: ignore[no-untyped-def]
    return context.i % 10 == 0, context.i % 10 == 5, False, False


@njit
def _stop(context: Any) -> Any:  # type: ignore[no-untyped-def]
    return (0.02 if context.i % 2 else context.curr_stop), context.curr_trail


def order_func() -> dict[str, Any]:
    return {"close": p.close_of(p.goog()).iloc[:_FEW], "args": (_order, 2.0)}


def python_order_func() -> dict[str, Any]:
    return {"close": p.close_of(p.goog()).iloc[:_FEW], "args": (_order.py_func, 1.0)}


def signal_func() -> dict[str, Any]:
    return {"close": p.close_of(p.goog()).iloc[:_FEW], "signal_func_nb": _signal}


def moved_stop() -> dict[str, Any]:
    return {**sma_goog(), "adjust_sl_func_nb": _stop}
