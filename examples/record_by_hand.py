"""Record signals from an engine of one's own: with their orders, fills and fate."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

import capture
from capture.store.run import RunStart

MOST_UNITS = 300


@dataclass
class Breakout:
    """Buy above the highest close of the last bars, leave below the lowest."""

    lookback: int = 20
    strategy_id: str = "breakout"
    position: float = 0.0
    closes: list[float] = field(default_factory=list)

    def generate_signal(self, market_data: pd.Series) -> dict[str, object] | None:
        """Return a signal, or None."""
        close = float(market_data["close"])
        window = self.closes[-self.lookback :]
        self.closes.append(close)
        if len(window) < self.lookback:
            return None
        if close > max(window) and self.position <= 0:
            return {"direction": "long", "strength": close / max(window) - 1}
        if close < min(window) and self.position > 0:
            return {"direction": "flat"}
        return None

    def get_indicators(self) -> dict[str, float]:
        """Return what the recorder keeps as `indicator_highest` and `indicator_lowest`."""
        window = self.closes[-self.lookback :] or [np.nan]
        return {"highest": max(window), "lowest": min(window)}

    def get_params(self) -> dict[str, object]:
        """Return what the recorder keeps as `param_lookback`."""
        return {"lookback": self.lookback}

    def get_position(self) -> float:
        """Return what the recorder keeps as `position_before`."""
        return self.position


def prices(bars: int = 750) -> pd.DataFrame:
    """Return a random walk, the same every time."""
    random = np.random.default_rng(7)
    close = 100 * np.exp(np.cumsum(random.normal(0.0003, 0.012, bars)))
    times = pd.date_range("2021-01-04 21:00", periods=bars, freq="B", tz="UTC")
    return pd.DataFrame({"timestamp": times, "symbol": "ACME", "timeframe": "1d", "close": close})


def main() -> None:
    """Run the engine and show what was recorded."""
    config = capture.SignalCaptureConfig(storage_path="signals")
    start = RunStart(host="my-engine", strategy="breakout", params={"lookback": 20})
    frame = prices()
    cash = 20_000.0
    with capture.SignalCaptureEngine(config, run=start) as engine:
        engine.add_base_data(frame[["timestamp", "close"]], symbol="ACME", timeframe="1d")
        strategy = Breakout()
        for index, bar in frame.iterrows():
            signal = strategy.generate_signal(bar)
            if signal is None:
                continue
            context = {
                "timestamp": bar["timestamp"],
                "strategy_id": strategy.strategy_id,
                "indicators": strategy.get_indicators(),
                "strategy_params": strategy.get_params(),
                "current_position": strategy.position,
                "available_capital": cash,
            }
            at = {"symbol": "ACME", "timeframe": "1d", "bar_index": index}
            signal_id = engine.capture_signal({**signal, **at}, context)
            wanted = 0.0 if signal["direction"] == "flat" else cash // bar["close"]
            if wanted > MOST_UNITS:
                engine.capture_status(signal_id, "rejected", "risk_limit", actor="risk")
                continue
            units = wanted - strategy.position
            cash -= units * bar["close"]
            strategy.position = wanted
            fill = {"signal_id": signal_id, "side": "buy" if units > 0 else "sell", **at}
            engine.capture_fill({**fill, "size": abs(units), "price": bar["close"]})
            engine.capture_status(signal_id, "executed", "filled", actor="broker")

    recording = capture.open("signals").latest()
    columns = ["timestamp", "direction", "market_close", "indicator_highest", "disposition"]
    print(recording.signals(columns=columns).to_string())
    print(f"\n{len(recording.fills())} fills; read them with recording.fills()")


if __name__ == "__main__":
    main()
