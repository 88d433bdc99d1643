"""Runs of backtrader that nobody thought of."""

from __future__ import annotations

import datetime
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import backtrader as bt
from hypothesis import strategies as st

from tests.adapters.backtrader.planned import Act, Looking, Planned, Polling, Reacting
from tests.adapters.backtrader.runs import Case, feed, twice

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["any_run"]

BARS = 60


def _acting(name: str, **words: st.SearchStrategy[Any]) -> st.SearchStrategy[Act]:
    return st.tuples(st.just(name), st.fixed_dictionaries(words))


_SIDES = st.sampled_from(["buy", "sell"])
_FEEDS = st.integers(0, 2)
_WHICH = st.integers(0, 5)
_SIZES = st.sampled_from([None, 1, 2, 2.5, 7, 40, 0, 5_000])
_NEAR = st.sampled_from([0.97, 0.995, 1.0, 1.005, 1.03])
_VALID: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.just({}),
    st.sampled_from(
        [{"valid": 0}, {"valid": datetime.timedelta(days=3)}, {"until": "time"}, {"until": "day"}]
    ),
)
_PRICES: dict[int | None, tuple[str, ...]] = {
    None: (),
    bt.Order.Market: (),
    bt.Order.Close: (),
    bt.Order.Limit: ("price",),
    bt.Order.Stop: ("price",),
    bt.Order.StopLimit: ("price", "plimit"),
    bt.Order.StopTrail: (),
    bt.Order.StopTrailLimit: ("price", "plimit"),
}


@st.composite
def _orders(draw: st.DrawFn) -> Act:
    kind = draw(st.sampled_from([None, *_PRICES]))
    words: dict[str, Any] = {"side": draw(_SIDES), "feed": draw(_FEEDS)}
    # Without one, the host takes the close.
    given = _PRICES[kind] if draw(st.integers(0, 7)) < 7 else ()
    words["prices"] = {name: draw(_NEAR) for name in given}
    size = draw(_SIZES)
    if size is not None:
        words["size"] = size
    if kind is not None:
        words["exectype"] = kind
    if kind in {bt.Order.StopTrail, bt.Order.StopTrailLimit}:
        words.update(draw(st.sampled_from([{"trailpercent": 0.02}, {"trailamount": 0.5}])))
    words.update(draw(_VALID))
    if draw(st.integers(0, 3)) == 3:
        words[draw(st.sampled_from(["oco", "oco", "parent"]))] = draw(_WHICH)
    if draw(st.integers(0, 3)) == 3:
        words["tradeid"] = draw(st.integers(1, 2))
    words.update(draw(st.sampled_from([{}, {}, {"named": True}, {"note": "own"}, {"coc": False}])))
    return "order", words


@st.composite
def _brackets(draw: st.DrawFn) -> Act:
    side = draw(_SIDES)
    up, down = draw(st.sampled_from([1.01, 1.04])), draw(st.sampled_from([0.99, 0.96]))
    gain, loss = (up, down) if side == "buy" else (down, up)
    # The host cannot hang exits on an order of no size, so each has one.
    words: dict[str, Any] = {
        "verb": f"{side}_bracket",
        "feed": draw(_FEEDS),
        "size": draw(st.sampled_from([1, 3, 2.5, 5_000])),
        "prices": {"limitprice": gain, "stopprice": loss},
    }
    entry = draw(st.sampled_from([bt.Order.Market, bt.Order.Limit, bt.Order.Stop]))
    words["exectype"] = entry
    if entry != bt.Order.Market:
        words["prices"]["price"] = draw(_NEAR)
    left_out = draw(st.sampled_from([None, None, "stopexec", "limitexec", "both"]))
    for name in ("stopexec", "limitexec"):
        if left_out in {name, "both"}:
            words[name] = None
    if left_out is None and draw(st.booleans()):
        words["stopexec"] = bt.Order.StopTrail
        words["stopargs"] = {"trailpercent": 0.02}
    words.update(draw(_VALID))
    return "bracket", words


@st.composite
def _targets(draw: st.DrawFn) -> Act:
    name, wanted = draw(
        st.sampled_from(
            [
                ("size", [0, 5, -5, 2.5]),
                ("value", [0.0, 2_000.0, -1_500.0]),
                ("percent", [0.0, 0.4, -0.2]),
            ]
        )
    )
    words = {"verb": f"order_target_{name}", "feed": draw(_FEEDS)}
    return "target", {**words, "target": draw(st.sampled_from(wanted))}


_BLIND = st.one_of(
    _orders(),
    _orders(),
    _orders(),
    _brackets(),
    _acting(
        "chain",
        side=_SIDES,
        feed=_FEEDS,
        kinds=st.lists(st.sampled_from([bt.Order.Limit, bt.Order.Stop]), max_size=2),
        sent=st.booleans(),
    ),
    _acting("close", feed=_FEEDS),
    _acting("close", feed=_FEEDS, size=st.sampled_from([1, 2.5])),
    _targets(),
    _acting("cancel", which=_WHICH),
    _acting("cancel_at_broker", which=_WHICH),
    _acting("note", refused=st.booleans()),
)
_SEES = ["position", "any_position", "by_name", "cash", "value"]


def _seeing(*more: str) -> st.SearchStrategy[Act]:
    seen = _acting("if", sees=st.sampled_from([*more, *_SEES]), then=_BLIND)
    return st.one_of(_BLIND, _BLIND, seen)


_MOMENTS = ["bar", "bar", "bar", "bar", "open", "timer"]
_TOLD = [*_MOMENTS, "order", "order", "trade", "cash"]
_KINDS = {
    Planned: (_BLIND, _MOMENTS),
    Looking: (_seeing(), _MOMENTS),
    Reacting: (_seeing(), _TOLD),
    Polling: (_seeing("order", "fill"), _TOLD),
}


def _days(cerebro: bt.Cerebro) -> None:
    cerebro.adddata(feed("GOOG", 0, BARS), name="days")


def _hours(cerebro: bt.Cerebro) -> None:
    cerebro.adddata(feed("EURUSD", 7, 7 + BARS), name="hours")


def _lengths(cerebro: bt.Cerebro) -> None:
    cerebro.adddata(feed("GOOG", 0, BARS), name="a")
    cerebro.adddata(feed("GOOG", 15, 50, 0.5), name="b")
    cerebro.adddata(feed("GOOG", 5, 70, 2.0))


def _resampled(cerebro: bt.Cerebro) -> None:
    data = feed("GOOG", 100, 100 + BARS)
    cerebro.adddata(data, name="days")
    cerebro.resampledata(data, name="weeks", timeframe=bt.TimeFrame.Weeks)


def _played(cerebro: bt.Cerebro) -> None:
    cerebro.replaydata(feed("GOOG", 40, 40 + BARS), name="weeks", timeframe=bt.TimeFrame.Weeks)


_DATA: list[Callable[[bt.Cerebro], None]] = [_days, _days, _hours, _lengths, _resampled, _played]
_SETTINGS = st.fixed_dictionaries(
    {"cash": st.sampled_from([10_000.0, 1_000.0, 250_000.0])},
    optional={
        "commission": st.sampled_from(
            [
                {"commission": 0.002},
                {"commission": 2.0, "margin": 500.0, "mult": 10.0},
                {"commission": 1.5, "commtype": bt.CommInfoBase.COMM_FIXED, "stocklike": True},
                {"commission": 0.001, "interest": 0.05, "interest_long": True},
                {"commission": 0.001, "leverage": 4.0},
            ]
        ),
        "slip_fixed": st.just(0.3),
        "slippage": st.sampled_from(
            [
                {"perc": 0.002},
                {"perc": 0.01, "slip_open": True, "slip_match": False},
                {"perc": 0.01, "slip_limit": False, "slip_out": True},
            ]
        ),
        "coc": st.booleans(),
        "shortcash": st.booleans(),
        "checksubmit": st.booleans(),
        "eosbar": st.booleans(),
        "interest": st.booleans(),
        "filler": st.sampled_from(
            [lambda: bt.fillers.FixedSize(size=1), lambda: bt.fillers.BarPointPerc(perc=30)]
        ),
        "sizer": st.sampled_from(
            [
                (bt.sizers.FixedSize, {"stake": 7}),
                (bt.sizers.PercentSizerInt, {"percents": 40}),
                (bt.sizers.AllInSizerInt, {}),
                (bt.sizers.FixedReverser, {"stake": 3}),
            ]
        ),
    },
)
_OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "runonce": st.booleans(),
        "preload": st.booleans(),
        "exactbars": st.sampled_from([1, -1, -2]),
        "quicknotify": st.booleans(),
        "stdstats": st.booleans(),
    },
)


@st.composite
def any_run(draw: st.DrawFn) -> tuple[Case, Case]:
    """Draw a run, and the same under other settings."""
    strategy = draw(st.sampled_from([Planned, Planned, Planned, Looking, Reacting, Polling]))
    acts, moments = _KINDS[strategy]
    ends = st.sampled_from([("start", 0), ("stop", 0)])
    within = st.tuples(st.sampled_from(moments), st.integers(1, BARS))
    when = st.one_of(within, within, within, ends)
    busy = draw(st.sampled_from([0, 4, 10]))
    plan = draw(st.dictionaries(when, st.lists(acts, min_size=1, max_size=4), min_size=busy))
    params = {
        "plan": plan,
        "period": draw(st.sampled_from([1, 1, 6])),
        "timers": draw(st.booleans()),
    }
    # Whether a strategy is called at the open of a bar is part of what it does.
    fixed = {"cheat_on_open": True} if draw(st.booleans()) else {}
    case = Case(
        strategy,
        draw(st.sampled_from(_DATA)),
        draw(_SETTINGS),
        {**draw(_OPTIONS), **fixed},
        params,
        **({"add": twice} if draw(st.integers(0, 7)) == 7 else {}),
    )
    return case, replace(case, settings=draw(_SETTINGS), options={**draw(_OPTIONS), **fixed})
