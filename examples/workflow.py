"""Make bars from a fixed seed, and run `workflow.yaml` on them.

Everything is written into the working folder: `bars`, `signals`, `results`.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd

BARS = 2_400  # four hundred days of six bars each
WORKFLOW = "workflow.yaml"


def bars(seed: int, drift: float) -> pd.DataFrame:
    """Return prices that wander, and trend for some time now and then."""
    random = np.random.default_rng(seed)
    trend = drift * np.sign(np.sin(np.arange(BARS) / 170))
    close = 100 * np.exp(np.cumsum(random.normal(trend, 0.008)))
    opened = np.concatenate([[100.0], close[:-1]])
    return pd.DataFrame(
        {
            "time": pd.date_range("2024-01-01", periods=BARS, freq="4h", tz="UTC"),
            "open": opened,
            "high": np.maximum(opened, close) * 1.002,
            "low": np.minimum(opened, close) * 0.998,
            "close": close,
            "volume": random.integers(500, 5_000, BARS),
        }
    )


if __name__ == "__main__":
    folder = Path("bars")
    folder.mkdir(exist_ok=True)
    for name, seed, drift in (("NORTH", 1, 0.0008), ("SOUTH", 2, 0.0005)):
        bars(seed, drift).to_csv(folder / f"{name}.csv", index=False)
    if not Path(WORKFLOW).exists():
        shutil.copy(Path(__file__).with_name(WORKFLOW), WORKFLOW)
    subprocess.run([sys.executable, "-m", "capture", "run", WORKFLOW], check=True)
