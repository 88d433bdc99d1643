"""Recordings of real runs, and signals on bars that are made so that the answer is known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from capture.analysis.material import Bars, Material, SeriesKey, material_of
from tests.adapters.runs import CASES, captured

if TYPE_CHECKING:
    from collections.abc import Callable

    from capture.store.recording import Recording

DAY_NS = 86_400 * 10**9


@pytest.fixture(scope="session")
def goog_recording(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    """An SMA cross on GOOG: 2148 daily bars."""
    return captured(CASES["SMA cross, GOOG"], tmp_path_factory.mktemp("goog"), symbol="GOOG")[1]


@pytest.fixture(scope="session")
def eurusd_recording(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    """Brackets, limits and cancelled orders on EURUSD: 5000 hourly bars."""
    folder = tmp_path_factory.mktemp("eurusd")
    return captured(CASES["nasty, EURUSD"], folder, symbol="EURUSD")[1]


@pytest.fixture(scope="session", params=["goog_recording", "eurusd_recording"])
def real(request: pytest.FixtureRequest) -> Material:
    """The signals of each of the recordings in turn."""
    return material_of(request.getfixturevalue(request.param))


@pytest.fixture(scope="session")
def make_bars() -> Callable[..., Bars]:
    """Make bars from closes, labelled by day; without opens, each opens at the close before it."""

    def make_bars(close: Any, symbol: str = "ACME", *, timed: bool = True, **columns: Any) -> Bars:
        close = np.asarray(close, float)
        given = {name: np.asarray(values, float) for name, values in columns.items()}
        opened = given.get("open", np.concatenate((close[:1], close[:-1])))
        every = {
            "open": opened,
            "high": np.maximum(opened, close),
            "low": np.minimum(opened, close),
            "close": close,
        }
        times = np.arange(len(close)) * DAY_NS + 16_000 * DAY_NS
        return Bars(symbol, "1d", times if timed else times[:0], {**every, **given})

    return make_bars


@pytest.fixture(scope="session")
def make_material() -> Callable[..., Material]:
    """Put signals on bars: a list of bars, and a column of values per name."""

    def make_material(series: list[Bars], /, run_id: str = "run", **columns: Any) -> Material:
        count = len(columns["bar_index"])
        default = {"symbol": series[0].symbol, "timeframe": "1d", "strategy_id": "s"}
        default |= {"direction": 1, "part": 0, "seq": np.arange(count)}
        frame = pd.DataFrame({"run_id": run_id, **default, **columns}, index=range(count))
        return Material(frame, {SeriesKey(run_id, one.symbol, "1d"): one for one in series})

    return make_material


@pytest.fixture
def walk() -> Callable[..., Any]:
    """Return the closes of a random walk."""

    def walk(bars: int, seed: int = 0, scale: float = 0.01) -> Any:
        random = np.random.default_rng(seed)
        return 100 * np.exp(np.cumsum(random.normal(0, scale, bars)))

    return walk
