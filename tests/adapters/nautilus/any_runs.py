"""Runs of NautilusTrader that nobody thought of."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any, Final

from hypothesis import strategies as st
from nautilus_trader.backtest.models import (
    FillModel,
    FixedFeeModel,
    LatencyModel,
    MakerTakerFeeModel,
    OneTickSlippageFillModel,
    PerContractFeeModel,
    TwoTierFillModel,
)
from nautilus_trader.model.currencies import USD
from nautilus_trader.model.enums import AccountType, OmsType, TimeInForce
from nautilus_trader.model.objects import Money

from tests.adapters.nautilus.planned import Act, Looking, Planned, PlannedConfig, Told
from tests.adapters.nautilus.runs import EURUSD, GOOG, WEEK, Case

__all__ = ["any_run"]

_BARS: Final = 60

# --- what is done --------------------------------------------------------------------------------


def _acting(act: str, /, **words: st.SearchStrategy[Any]) -> st.SearchStrategy[Act]:
    return st.tuples(st.just(act), st.fixed_dictionaries(words))


_SIDES = st.sampled_from(["buy", "sell"])
_SIZES = st.sampled_from([1_000, 2_000, 100, 1, 5_000, 1_000_000, 50_000_000])
_NEAR = st.sampled_from([1.0, 0.99, 1.01, 0.97, 1.03, 0.9, 1.1])
_OFFSETS = st.sampled_from([0.01, 1, 3])
_WHICH = st.integers(0, 5)
_HOURS = st.sampled_from([24, 1, 36, 100, 168])
_TAGS = st.sampled_from([None, ["tag"], ["a", "b"]])
_TIF = st.sampled_from([TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK, TimeInForce.DAY])
_TIMERS = st.sampled_from(["one", "two"])
_KINDS: Final[dict[str, dict[str, st.SearchStrategy[Any]]]] = {
    "market": {},
    "limit": {"price": _NEAR},
    "stop_market": {"trigger_price": _NEAR},
    "stop_limit": {"price": _NEAR, "trigger_price": _NEAR},
    "market_to_limit": {},
    "market_if_touched": {"trigger_price": _NEAR},
    "limit_if_touched": {"price": _NEAR, "trigger_price": _NEAR},
    "trailing_stop_market": {"trailing_offset": _OFFSETS},
    "trailing_stop_limit": {
        "price": _NEAR, "trigger_price": _NEAR, "trailing_offset": _OFFSETS,
    },
}  # fmt: skip
_RESTING: Final = frozenset(
    {"limit", "stop_limit", "limit_if_touched", "stop_market", "market_if_touched"}
)


@st.composite
def _orders(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from(list(_KINDS)))
    words = {name: draw(each) for name, each in _KINDS[kind].items()}
    words |= {"kind": kind, "side": draw(_SIDES), "size": draw(_SIZES)}
    if draw(st.integers(0, 3)) == 3:
        words["reduce_only"] = True
    if draw(st.integers(0, 3)) == 3:
        words["tags"] = draw(_TAGS)
    if kind == "limit" and draw(st.integers(0, 3)) == 3:
        words["post_only"] = True
    if kind in _RESTING and draw(st.integers(0, 3)) == 3:
        words["expires"] = draw(_HOURS)
    elif kind in {"market", "limit"} and draw(st.integers(0, 3)) == 3:
        words["time_in_force"] = draw(_TIF)
    return words


_ORDER = st.tuples(st.just("order"), _orders())
_BLIND = st.one_of(
    _ORDER,
    _ORDER,
    _acting(
        "bracket",
        side=_SIDES,
        size=_SIZES,
        entry=st.sampled_from(["MARKET", "LIMIT", "MARKET_IF_TOUCHED", "LIMIT_IF_TOUCHED"]),
        near=_NEAR,
        width=st.sampled_from([0.02, 0.05]),
    ),
    _acting("list", orders=st.lists(_orders(), min_size=1, max_size=3)),
    _acting("again", which=_WHICH),
    _acting("twin", which=_WHICH, side=_SIDES, size=_SIZES),
    _acting("cancel", which=_WHICH),
    _acting("cancel_some", which=_WHICH),
    _acting("cancel_all", side=st.one_of(st.none(), _SIDES)),
    _acting("edit", which=_WHICH, size=st.one_of(st.none(), _SIZES), price=_NEAR),
    _acting("edit", which=_WHICH, size=st.none(), trigger_price=_NEAR),
    _acting("edit", which=_WHICH, size=_SIZES),
    _acting("edit", which=_WHICH, size=_SIZES),
    _acting("close_all", tags=_TAGS, reduce_only=st.booleans()),
    _acting("timer", name=_TIMERS, hours=_HOURS),
    _acting("alert", name=_TIMERS, hours=_HOURS),
    _acting("stop_timer", name=_TIMERS),
)
_LOOKING = st.one_of(
    _BLIND,
    _BLIND,
    _acting("look", at=st.sampled_from(["portfolio", "orders_open", "positions"])),
    _acting("if_flat", side=_SIDES, size=_SIZES),
    _acting("if_open", which=_WHICH),
    _acting("cancel_open", which=_WHICH),
    _acting("close_one", which=_WHICH, tags=_TAGS),
    _acting("reduce", which=_WHICH, size=_SIZES),
)
_AT_BARS = st.builds("bar {}".format, st.integers(1, _BARS))
# A run ends earlier where other settings bring its account to an end, and the host names orders by
# the time and by how many there were: what is ordered at the end would be named otherwise.
_BLIND_AT = st.one_of(
    _AT_BARS, _AT_BARS, _AT_BARS, st.just("start 1"),
    st.builds("ring {}".format, st.integers(1, 5)),
)  # fmt: skip
_AT = st.one_of(_BLIND_AT, _BLIND_AT, st.just("stop 1"))
_TELLS = ("accepted", "cancelled", "rejected", "denied", "filled", "opened", "closed", "event")
_TOLD_AT = st.one_of(
    _AT, st.builds("{} {}".format, st.sampled_from(_TELLS), st.integers(1, 4))
)  # fmt: skip
_KNOWING = st.sampled_from(
    [(Planned, _BLIND, _BLIND_AT), (Planned, _BLIND, _BLIND_AT), (Looking, _LOOKING, _AT),
     (Told, _LOOKING, _TOLD_AT)]
)  # fmt: skip

# --- under what settings -------------------------------------------------------------------------

_MODELS: Final = {
    "fill_model": [
        partial(FillModel, prob_fill_on_limit=0.5, prob_slippage=0.5, random_seed=7),
        partial(FillModel, prob_slippage=1.0, random_seed=3),
        OneTickSlippageFillModel,
        TwoTierFillModel,
    ],
    "fee_model": [
        partial(PerContractFeeModel, Money(0.01, USD)),
        partial(FixedFeeModel, Money(2, USD)),
        MakerTakerFeeModel,
    ],
    "latency_model": [
        partial(LatencyModel, base_latency_nanos=1_000_000),
        partial(LatencyModel, base_latency_nanos=10**14),
    ],
}
# Without a message queue the host itself may abort the process.
_FLAGS: Final = (
    "reject_stop_orders", "support_gtd_orders", "support_contingent_orders", "use_position_ids",
    "use_reduce_only", "bar_adaptive_high_low_ordering", "frozen_account",
)  # fmt: skip


@st.composite
def _settings(draw: st.DrawFn, names: tuple[tuple[str, int], ...]) -> dict[str, Any]:
    venue = draw(
        st.fixed_dictionaries(
            {},
            optional={
                "oms_type": st.sampled_from([OmsType.HEDGING, OmsType.NETTING]),
                **{name: st.sampled_from(makes) for name, makes in _MODELS.items()},
                **{name: st.booleans() for name in _FLAGS},
            },
        )
    )
    # The host trades no currencies in an account of cash; that such an account may borrow it keeps
    # for the whole process, so that no second run of it can ask for it.
    if all(name != EURUSD for name, _ in names) and draw(st.booleans()):
        venue["account_type"] = AccountType.CASH
    balance = draw(st.sampled_from([1_000_000.0, 20_000.0, 1_000.0]))
    return {"venue": venue, "balance": balance}


_NAMES = st.sampled_from(
    [
        ((GOOG, _BARS),),
        ((EURUSD, _BARS),),
        ((GOOG, _BARS // 2), (EURUSD, _BARS)),
        ((GOOG, _BARS), (WEEK, _BARS)),
    ]
)
_CONFIG = st.fixed_dictionaries(
    {},
    optional={
        name: st.booleans()
        for name in (
            "manage_gtd_expiry", "manage_contingent_orders", "use_hyphens_in_client_order_ids",
        )
    } | {"oms_type": st.sampled_from(["NETTING", "HEDGING"])},
)  # fmt: skip


@st.composite
def any_run(draw: st.DrawFn) -> tuple[Case, Case]:
    """Draw a run, and the same under other settings."""
    strategy, acts, at = draw(_KNOWING)
    plan = draw(st.dictionaries(at, st.lists(acts, min_size=1, max_size=4), min_size=3))
    names = draw(_NAMES)
    case = Case(
        strategy,
        names,
        {**draw(_CONFIG), "plan": plan},
        **draw(_settings(names)),
        times=draw(st.sampled_from([1, 1, 1, 2])),
        configured=PlannedConfig,
    )
    return case, replace(case, **draw(_settings(names)))
