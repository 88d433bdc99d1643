"""What a recording of vectorbt says of the run: strategies, symbols, settings, versions, flags."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import pytest
import vectorbt as vbt

import capture
from tests.adapters.vectorbt import prices as p
from tests.adapters.vectorbt.cases import CASES
from tests.adapters.vectorbt.results import captured

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from capture.store.recording import Recording

    Recorded = Callable[[str], tuple[Any, Recording]]

pytestmark = [pytest.mark.host, pytest.mark.slow]


def flags(recording: Recording) -> dict[str, Any]:
    """Return what was noted of the run and of its one part."""
    [part] = recording.parts
    return {**recording.manifest["flags"], **(part.record or {})["flags"]}


def test_of_a_grid_each_column_is_a_strategy_with_parameters(recorded: Recorded) -> None:
    _, recording = recorded("a grid")
    pairs = [(5, 10), (5, 20), (5, 40), (10, 20), (10, 40), (20, 40)]
    [part] = recording.parts
    ids = {segment["strategy_id"]: segment["params"] for segment in part.segments}
    assert len(ids) == len(pairs)
    assert set(recording.signals()["strategy_id"]) == set(ids)
    for fast, slow in pairs:
        wanted = {"fast_window": fast, "slow_window": slow}
        [name] = [strategy for strategy, params in ids.items() if params == wanted]
        assert f"fast_window_{fast}_slow_window_{slow}" in name
    assert len(list((recording.store.root / "base").iterdir())) == 1


def test_the_symbol_is_that_of_the_column(recorded: Recorded, tmp_path: Path) -> None:
    for name in ("several assets", "a grid over assets", "rebalancing", "holding assets"):
        _, recording = recorded(name)
        assert set(recording.fills()["symbol"]) == {"AAA", "BBB", "CCC"}
        assert len({s["strategy_id"] for s in recording.parts[0].segments}) == (
            2 if name == "a grid over assets" else 1
        )
    assert set(recorded("SMA cross, GOOG")[1].signals()["symbol"]) == {"data"}
    _, recording = captured(CASES["SMA cross, GOOG"], tmp_path, symbol="GOOG")
    assert set(recording.signals()["symbol"]) == {"GOOG"}


def test_the_name_of_the_closes_is_the_symbol_unless_it_is_a_word_for_prices(
    tmp_path: Path,
) -> None:
    for name, symbol in (("GOOG", "GOOG"), ("Close", "data")):
        close = p.goog()["Close"].rename(name)
        with capture.record(tmp_path / name) as recorded:
            vbt.Portfolio.from_holding(close, init_cash=100)
        assert set(recorded.recordings[0].fills()["symbol"]) == {symbol}


def test_settings_are_those_in_effect(recorded: Recorded) -> None:
    settings = recorded("SMA cross, GOOG")[1].manifest["settings"]
    assert (settings["init_cash"], settings["fees"], settings["slippage"]) == (
        10_000,
        0.002,
        0.0005,
    )
    assert settings["fixed_fees"] == vbt.settings.portfolio["fixed_fees"]
    assert settings["constructor"] == "from_signals"
    assert recorded("holding")[1].manifest["settings"]["constructor"] == "from_holding"
    assert recorded("rejected at random")[1].manifest["settings"]["reject_prob"] == 0.3


def test_global_settings_are_recorded_where_nothing_else_is_said(tmp_path: Path) -> None:
    close = p.close_of(p.goog())
    before = vbt.settings.portfolio["fees"]
    vbt.settings.portfolio["fees"] = 0.01
    try:
        with capture.record(tmp_path) as recorded:
            expected = vbt.Portfolio.from_holding(close, init_cash=100)
    finally:
        vbt.settings.portfolio["fees"] = before
    [recording] = recorded.recordings
    assert recording.manifest["settings"]["fees"] == 0.01
    assert recording.fills()["commission"].sum() > 0
    again = capture.replay(recording).into("vectorbt")
    assert again.order_records.tobytes() == expected.order_records.tobytes()


def test_the_versions_of_what_decides_are_there(recorded: Recorded) -> None:
    said = str(recorded("SMA cross, GOOG")[1].manifest)
    for name in ("vectorbt", "numba", "numpy", "pandas"):
        assert name in said
        assert version(name) in said


CALLBACKS = {
    "an order function": "order_func_nb",
    "an uncompiled order function": "order_func_nb",
    "a signal function": "signal_func_nb",
    "a stop that is moved": "adjust_sl_func_nb",
}


@pytest.mark.parametrize("name", CALLBACKS)
def test_decisions_inside_compiled_callbacks_are_said_to_be_missing(
    name: str, recorded: Recorded
) -> None:
    portfolio, recording = recorded(name)
    assert CALLBACKS[name] in flags(recording)["not_captured"]
    assert len(recording.fills()) == len(portfolio.order_records) > 0
    assert len(recording.trades()) == len(portfolio.trades.values)


def test_chance_without_a_seed_is_flagged(tmp_path: Path, recorded: Recorded) -> None:
    _, recording = captured(CASES["SMA cross, EURUSD"], tmp_path, settings={"reject_prob": 0.3})
    assert flags(recording)["random_without_seed"]
    assert not flags(recorded("rejected at random")[1]).get("random_without_seed")
