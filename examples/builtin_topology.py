"""Make the signals of a grid of strategies once, and trade them in several portfolios."""

from __future__ import annotations

import capture
from capture.demo import made_up

DATA = [
    {"symbol": symbol, "frame": made_up(1_000, seed)} for seed, symbol in enumerate(("AAA", "BBB"))
]

GENERATION = {
    "name": "crosses",
    "data": DATA,
    "classifiers": {"trend": {"fast_bars": 10, "slow_bars": 40}},
    "strategies": {
        "cross": {
            "use": "sma_cross",
            "grid": {"fast": [5, 10, 20], "slow": [30, 60]},
            "each_symbol": True,
        },
    },
    "record": {"store": "signals"},
}

REPLAY = {
    "recording": {"store": "signals"},
    "portfolios": {
        "plain": {"cash": 100_000, "size": 20},
        "dear": {"cash": 100_000, "size": 20, "commission_rate": 0.002, "slippage_fraction": 0.001},
        "careful": {
            "cash": 100_000,
            "sizer": "equity_fraction",
            "size": 0.2,
            "max_drawdown": 0.05,
            "max_gross_exposure": 0.8,
        },
    },
}


def main() -> None:
    """Generate, replay, and replay the bull market alone."""
    recording = capture.create_signal_generation_topology(GENERATION).run()
    signals = recording.signals(columns=["strategy_id"])
    print(f"{len(signals):,} signals of {signals['strategy_id'].nunique()} strategies")
    for name, results in capture.create_signal_replay_topology(REPLAY).run().items():
        print(f"{name:8} {results}")
    bull = {"store": "signals", "regime": {"trend": ["bull"]}, "boundary": "force_flat"}
    for name, results in (
        capture.create_signal_replay_topology(REPLAY, recording=bull).run().items()
    ):
        print(f"{name:8} in bull markets alone: {results}")


if __name__ == "__main__":
    main()
