"""A recording to study, and clusters that the tests of a module share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

import capture
from capture.study.executors.running import open_executor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from capture.contracts.executor import Executor


def make_bars(seed: int, count: int = 700) -> pd.DataFrame:
    """Return bars of six hours that wander."""
    random = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(random.normal(0.0002, 0.01, count)))
    opened = np.concatenate([[100.0], close[:-1]])
    return pd.DataFrame(
        {
            "open": opened,
            "high": np.maximum(opened, close) * 1.003,
            "low": np.minimum(opened, close) * 0.997,
            "close": close,
            "volume": 1000.0,
        },
        index=pd.date_range("2020-01-01", periods=count, freq="6h", tz="UTC", name="time"),
    )


@pytest.fixture(scope="session")
def bars() -> Callable[..., pd.DataFrame]:
    return make_bars


@pytest.fixture(scope="session")
def signals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with one run of two symbols in the built-in backtester; never to be changed."""
    from capture_builtin import Backtest
    from capture_builtin.strategies import SmaCross

    store = tmp_path_factory.mktemp("study") / "signals"
    data = {"AAA": make_bars(1), "BBB": make_bars(2)}
    wrapped = capture.wrap(SmaCross, store=store)
    Backtest(data, wrapped, params={"fast": 5, "slow": 20}).run()
    return store


@pytest.fixture
def recording(signals: Path) -> Any:
    return capture.open(signals).latest()


def _opened(name: str) -> Iterator[Executor]:
    with open_executor(name, 2) as executor:
        yield executor


# Gone with the module: a process that is connected to Ray and forks later may hang, or be ended by
# Ray, and other tests fork.
@pytest.fixture(scope="module")
def dask_executor() -> Iterator[Executor]:
    """A real cluster of Dask with two worker processes."""
    yield from _opened("dask")


@pytest.fixture(scope="module")
def ray_executor() -> Iterator[Executor]:
    """A real Ray on this machine with two worker processes."""
    yield from _opened("ray")


@pytest.fixture
def executor(request: pytest.FixtureRequest) -> Iterator[Any]:
    """An executor by its name; clusters are those of the module."""
    if request.param in {"dask", "ray"}:
        yield request.getfixturevalue(f"{request.param}_executor")
        return
    with open_executor(request.param, 2 if request.param == "processes" else 1) as opened:
        yield opened
