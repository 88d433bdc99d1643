"""What a portfolio came to, whether two came to the same, and the recording of one."""

from __future__ import annotations

from contextlib import nullcontext
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import capture
from capture.errors import CaptureWarning
from capture.testing.adapter import identical

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from capture.store.recording import Recording

__all__ = ["assert_same", "captured", "outcome", "recorder"]


def captured(
    run: Callable[..., Any], folder: Path, /, settings: Any = None, **options: Any
) -> tuple[Any, Recording]:
    """Run it captured, under changed settings if there are any."""
    heard = getattr(run, "replayable", True)
    warned = nullcontext() if heard else pytest.warns(CaptureWarning, match="cannot be heard")
    with capture.record(folder, **options) as recorded, warned:
        portfolio = run(**(settings or {}))
    [recording] = recorded.recordings
    return portfolio, recording


def recorder(
    make_folder: Callable[[str], Path], cases: Mapping[str, Callable[..., Any]]
) -> Callable[[str], tuple[Any, Recording]]:
    """Return what runs a case captured, each once and into a store of its own."""

    @cache
    def recorded(name: str) -> tuple[Any, Recording]:
        return captured(cases[name], make_folder("case") / "signals")

    return recorded


def outcome(portfolio: Any) -> dict[str, np.ndarray[Any, Any]]:
    """Return everything that vectorbt accounts for, as arrays by name."""
    own = {
        **_fields("orders", portfolio.order_records),
        **_fields("logs", portfolio.log_records),
        **_fields("trades", portfolio.trades.values),
        **_fields("positions", portfolio.positions.values),
        "value": portfolio.value(),
        "cash": portfolio.cash(),
        "assets": portfolio.assets(),
        "profit": portfolio.total_profit(),
        "init_cash": portfolio.init_cash,
        "close": portfolio.close,
    }
    return {name: np.ascontiguousarray(values) for name, values in own.items()}


def _fields(name: str, records: Any) -> dict[str, Any]:
    # Field by field: between them there are bytes that say nothing.
    return {f"{name}.{field}": records[field] for field in records.dtype.names}


def assert_same(expected: Any, got: Any) -> None:
    """Assert that two portfolios are the same to the last bit, and are of the same shape."""
    mine, theirs = outcome(expected), outcome(got)
    for name, values in mine.items():
        other = theirs[name]
        assert (values.dtype, values.shape) == (other.dtype, other.shape), name
        assert values.tobytes() == other.tobytes(), f"{name}: {values} is not {other}"
    one, two = expected.wrapper, got.wrapper
    assert identical(one.index, two.index)
    assert one.index.names == two.index.names
    assert one.columns.equals(two.columns)
    assert list(one.columns.names) == list(two.columns.names)
    assert (one.ndim, one.freq) == (two.ndim, two.freq)
    assert identical(one.grouper.get_groups(), two.grouper.get_groups())
    assert expected.cash_sharing == got.cash_sharing
    assert np.array_equal(_calls(expected), _calls(got))


def _calls(portfolio: Any) -> Any:
    """Return the order of calls, where the user wanted it kept."""
    found = portfolio._call_seq
    return np.empty(0) if found is None else np.asarray(found)
