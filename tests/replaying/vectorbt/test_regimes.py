"""A replay of one regime is the portfolio of signals that a plain machine lets through."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
import vectorbt as vbt

import capture
from tests.adapters.vectorbt import calls as c
from tests.adapters.vectorbt import prices as p

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from capture.store.recording import Recording

pytestmark = [pytest.mark.host, pytest.mark.slow]

POLICIES = ("honour_exit", "force_flat", "carry", "block_reentry")
TREND = {"fast_bars": 5, "slow_bars": 15, "sideways_pct": 1.0}  # which changes often
NAMES = ("entries", "exits", "short_entries", "short_exits")


def trend(close: Any) -> np.ndarray[Any, Any]:
    """Return the regime at each bar, from two averages of the closes so far."""
    prices = np.asarray(close, dtype=np.float64)
    states = np.full(len(prices), "unknown", dtype=object)
    for bar in range(14, len(prices)):
        fast, slow = prices[bar - 4 : bar + 1].mean(), prices[bar - 14 : bar + 1].mean()
        distance = (fast / slow - 1) * 100
        states[bar] = "sideways" if abs(distance) < 1.0 else ("bull" if distance > 0 else "bear")
    return states


def meant(enters: bool, side: int, position: int, opposite: str) -> str:
    """Return what a signal is while this position is held: an entry, an exit, or nothing."""
    if not enters:
        return "exit" if position == side else ""
    if position != -side or opposite == "reverse":
        return "entry"
    return "exit" if opposite == "close" else ""


def obeyed(
    signals: Any, inside: Any, policy: str, opposite: str = "reverse"
) -> np.ndarray[Any, Any]:
    """Return what is left of one column's long entries and exits, and short ones, bar by bar.

    Args:
        signals: by bar, whether each of the four was given.
        inside: by bar, whether the regime is there.
        policy: what happens at its boundaries.
        opposite: what an entry against the position does.
    """
    left = np.zeros((len(inside), 4), dtype=bool)
    held = wanted = 0
    for bar, here in enumerate(inside):
        if bar and inside[bar - 1] and not here and held and policy == "force_flat":
            left[bar, [1, 3]] = True
            held = 0
        for kind in np.flatnonzero(signals[bar]):
            side, enters = (1, 1, -1, -1)[kind], kind in {0, 2}
            now = meant(enters, side, held, opposite)
            if now == "entry" and here:
                if held or policy != "block_reentry" or wanted != side:
                    left[bar, kind] = True
                    held = side
            elif now == "entry" and held == -side and policy != "carry":
                left[bar, [1, 3]] = True  # outside, of a reversal the half that closes
                held = 0
            elif now == "exit" and (here or policy != "carry"):
                left[bar, kind] = True
                held = 0
            now = meant(enters, side, wanted, opposite)
            wanted = {"entry": side, "exit": 0}.get(now, wanted)
    return left


def four(words: dict[str, Any], shape: tuple[int, int], direction: str) -> np.ndarray[Any, Any]:
    """Return the signals of a call as bars, columns and the four kinds."""
    given = np.zeros((*shape, 4), dtype=bool)
    for kind, name in enumerate(NAMES):
        if name in words:
            values = np.asarray(words[name])
            given[:, :, kind] = values[:, None] if values.ndim == 1 else values
    if direction == "both":
        given[:, :, [1, 2]] = given[:, :, [2, 1]]
    elif direction == "shortonly":
        given[:, :, [0, 1, 2, 3]] = given[:, :, [2, 3, 0, 1]]
    return given


def expected(
    words: dict[str, Any], wanted: tuple[str, ...], policy: str, direction: str, **settings: Any
) -> Any:
    """Return the portfolio of a user who knows the regimes, and lets each column obey."""
    entries = words["entries"]
    labels = entries.columns if isinstance(entries, pd.DataFrame) else None
    closes = np.asarray(words["close"])
    closes = closes[:, None] if closes.ndim == 1 else closes
    width = 1 if labels is None else len(labels)
    given = four(words, (len(closes), width), direction)
    left = np.zeros_like(given)
    for column in range(width):
        inside = np.isin(trend(closes[:, column % closes.shape[1]]), wanted)
        opposite = settings.get("upon_opposite_entry", "reverse")
        left[:, column] = obeyed(given[:, column], inside, policy, opposite)
    arrays = {name: left[:, :, kind] for kind, name in enumerate(NAMES)}
    if labels is None:
        arrays = {name: array[:, 0] for name, array in arrays.items()}
    else:
        arrays["entries"] = pd.DataFrame(arrays["entries"], entries.index, labels)
    rest = {name: value for name, value in words.items() if name not in NAMES}
    return vbt.Portfolio.from_signals(**rest, **arrays, **settings)


CALLS: dict[str, tuple[Callable[[], dict[str, Any]], str, dict[str, Any]]] = {
    "long": (c.sma_goog, "longonly", {"init_cash": 10_000, "fees": 0.002}),
    "short": (c.sma_goog, "shortonly", {"init_cash": 10_000, "fees": 0.002}),
    "both sides": (c.sma_goog, "both", {"init_cash": 10_000, "fees": 0.002}),
    "four arrays": (c.goog_rsi, "longonly", {"init_cash": 10_000, "fees": 0.002}),
    "opposite entries close": (
        c.goog_rsi,
        "longonly",
        {"init_cash": 10_000, "fees": 0.002, "upon_opposite_entry": "close"},
    ),
    "opposite entries are nothing": (
        c.goog_rsi,
        "longonly",
        {"init_cash": 10_000, "fees": 0.002, "upon_opposite_entry": "ignore"},
    ),
    "several assets": (c.sma_assets, "both", {"init_cash": 10_000, "fees": 0.002}),
    "one account": (
        c.sma_assets,
        "longonly",
        {"size": 5.0, "init_cash": 9_000, "cash_sharing": True, "group_by": True},
    ),
    "a grid over assets": (c.grid_of_assets, "both", {"init_cash": 10_000, "fees": 0.001}),
}


@pytest.fixture(scope="module")
def regimes(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Recording]:
    """Return the recording of a call with its regimes, each made once."""
    known: dict[str, Recording] = {}

    def recording(name: str) -> Recording:
        if name not in known:
            arguments, direction, settings = CALLS[name]
            words = arguments()
            said = {} if "short_entries" in words else {"direction": direction}
            folder = tmp_path_factory.mktemp("regimes")
            with capture.record(folder, classifiers={"trend": TREND}) as recorded:
                vbt.Portfolio.from_signals(**words, **said, **settings)
            [known[name]] = recorded.recordings
        return known[name]

    return recording


def assert_same_orders(expected: Any, got: Any, *fields: str) -> None:
    for field in fields or ("id", "idx", "col", "size", "price", "fees", "side"):
        assert (got.order_records[field] == expected.order_records[field]).all(), field
    assert (np.asarray(got.value()) == np.asarray(expected.value())).all()


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("wanted", [("bull",), ("bear", "sideways")], ids="-".join)
@pytest.mark.parametrize("name", CALLS)
def test_a_replay_of_a_regime_is_what_a_plain_machine_lets_through(
    name: str, wanted: tuple[str, ...], policy: Any, regimes: Callable[[str], Recording]
) -> None:
    arguments, direction, settings = CALLS[name]
    fresh = expected(arguments(), wanted, policy, direction, **settings)
    replay = capture.replay(regimes(name), regime=wanted, boundary=policy)
    got = replay.into("vectorbt")
    assert len(got.order_records)
    assert_same_orders(fresh, got)
    whole = capture.replay(regimes(name)).into("vectorbt")
    assert whole.order_records.tobytes() != got.order_records.tobytes()


@pytest.mark.parametrize("policy", POLICIES)
def test_of_a_grid_one_set_obeys_by_itself(
    policy: Any, regimes: Callable[[str], Recording]
) -> None:
    recording = regimes("a grid over assets")
    whole = capture.replay(recording, regime="bull", boundary=policy).into("vectorbt")
    names = [segment["strategy_id"] for segment in recording.parts[0].segments]
    assert len(names) == 2
    value = np.asarray(whole.value())
    for number, name in enumerate(names):
        one = capture.replay(recording, strategy=name, regime="bull", boundary=policy)
        mine = slice(3 * number, 3 * number + 3)
        assert (np.asarray(one.into("vectorbt").value()) == value[:, mine]).all()
        trades = one.boundary_trades
        assert len(trades)
        assert set(trades["strategy_id"]) == {name}


def test_every_signal_knows_the_regime_of_its_symbol(
    regimes: Callable[[str], Recording],
) -> None:
    for name in ("several assets", "a grid over assets"):
        signals = regimes(name).signals()
        states = {symbol: trend(close) for symbol, close in p.assets().items()}
        known = [
            states[symbol][bar]
            for symbol, bar in zip(signals["symbol"], signals["bar_index"], strict=True)
        ]
        assert signals["regime_trend"].tolist() == known
        assert set(regimes(name).regimes()["symbol"]) == {"AAA", "BBB", "CCC"}
        assert set(regimes(name).regimes()["timeframe"]) == set(signals["timeframe"])


def test_accumulated_positions_are_closed_whole(tmp_path: Path) -> None:
    close = p.close_of(p.goog())
    inside = np.isin(trend(close), ["bull"])
    entries = np.zeros(len(close), dtype=bool)
    entries[::4] = True
    settings = {"size": 1.0, "accumulate": True, "init_cash": 100_000.0}
    with capture.record(tmp_path, classifiers={"trend": TREND}) as recorded:
        vbt.Portfolio.from_signals(close, entries, **settings)
    [recording] = recorded.recordings
    replay = capture.replay(recording, regime="bull", boundary="force_flat")
    assets = np.asarray(replay.into("vectorbt").assets())
    assert assets.max() > 3
    assert (assets[~inside] == 0).all()


def test_orders_for_a_target_are_closed_at_the_boundary(tmp_path: Path) -> None:
    words = c.targets()
    inside = np.isin(trend(words["close"]), ["bull"])
    settings = {"size_type": "targetpercent", "fees": 0.001, "init_cash": 10_000.0}
    with capture.record(tmp_path, classifiers={"trend": TREND}) as recorded:
        vbt.Portfolio.from_orders(**words, **settings)
    [recording] = recorded.recordings
    assert set(recording.signals()["signal_type"]) == {"entry", "exit"}
    replay = capture.replay(recording, regime="bull", boundary="force_flat")
    assets = np.asarray(replay.into("vectorbt").assets())
    assert (assets != 0).sum() > 50
    assert (assets[~inside] == 0).all()


def test_a_recorded_replay_names_the_signals_that_it_repeats(
    regimes: Callable[[str], Recording], tmp_path: Path
) -> None:
    recording = regimes("both sides")
    for policy in ("honour_exit", "force_flat"):
        replay = capture.replay(recording, regime="bull", boundary=policy)
        replay.into("vectorbt", store=tmp_path)
        again = capture.open(tmp_path).latest("replay").signals()
        plan = capture.BoundaryAwareReplay(regime="bull", policy=policy).plan(recording)
        seqs = recording.signals().set_index("signal_id")["seq"]
        sources = again["source_signal_id"].dropna()
        assert set(seqs[sources]) == plan.kept | plan.closed
        added = again[again["source_signal_id"].isna()]
        assert set(added["bar_index"]) == {flat.bar for flat in plan.flattened}
    assert capture.verify(tmp_path).ok


def test_the_other_modes_know_the_regime_too(regimes: Callable[[str], Recording]) -> None:
    arguments, direction, settings = CALLS["both sides"]
    recording = regimes("both sides")
    for policy in POLICIES:
        fresh = expected(arguments(), ("bull",), policy, direction, **settings)
        for mode in ("target", "signal"):
            replay = capture.replay(recording, mode, regime="bull", boundary=policy)
            assert_same_orders(fresh, replay.into("vectorbt", **settings))


def test_another_direction_does_not_turn_exits_at_boundaries(
    regimes: Callable[[str], Recording],
) -> None:
    # With both directions an exit is an entry of the other side; one at a boundary must not be.
    inside = np.isin(trend(p.close_of(p.goog())), ["bull"])
    replay = capture.replay(regimes("long"), regime="bull", boundary="force_flat")
    assets = np.asarray(replay.into("vectorbt", direction="both").assets())
    left = np.flatnonzero(inside[:-1] & ~inside[1:]) + 1
    assert len(left) > 10
    assert (assets[left] == 0).all()
