"""Tables that look like real ones."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest


@pytest.fixture(scope="session")
def realistic() -> pa.Table:
    """Signals of three blocks: prices in ticks, indicators, words, ids, times."""
    rows = 40_000
    random = np.random.default_rng(7)
    seq = np.arange(rows)
    price = np.round(100 + np.cumsum(random.normal(0, 0.05, rows)), 2)
    minutes = pa.array(1_700_000_000 + 60 * (seq // 5), pa.timestamp("s", "UTC"))
    return pa.table(
        {
            "seq": seq,
            "timestamp": minutes.cast(pa.timestamp("ns", "UTC")),
            "symbol": random.choice(np.array(["AAPL", "GOOG", "MSFT", "SPY"], object), rows),
            "signal_id": [f"20260102-momentum-k3x9q2.0.{n}" for n in range(rows)],
            "direction": pa.array(random.integers(-1, 2, rows), pa.int8()),
            "strength": np.tanh(random.normal(0, 1, rows)),
            "market_close": price,
            "indicator_sma": np.convolve(price, np.ones(20) / 20, "same"),
            "late_missing": np.zeros(rows, bool),
        }
    )
