"""Record signals from an engine of one's own: with their orders, fills and fate."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

import capture
from capture.store.run import RunStart

MOST_AT_RISK = 1_200.0


@dataclass
class Breakout:
    """Buy above the highest close of the last bars, leave below the lowest."""

    lookback: int = 20
    position: float = 0.0
    closes: list[float] = field(default_factory=list)

    def levels(self) -> dict[str, float]:
        """Return the levels to break out of."""
        window = self.closes[-self.lookback :]
        return {"highest": max(window), "lowest": min(window)} if window else {}

    def on_close(self, close: float) -> dict[str, object] | None:
        """Return a signal, or None."""
        levels, known = self.levels(), len(self.closes)
        self.closes.append(close)
        if known < self.lookback:
            return None
        if close > levels["highest"] and not self.position:
            return {"direction": "long", "strength": close / levels["highest"] - 1}
        if close < levels["lowest"] and self.position:
            return {"direction": "flat"}
        return None


def prices(bars: int = 750) -> pd.DataFrame:
    """Return a random walk, the same every time."""
    random = np.random.default_rng(7)
    close = 100 * np.exp(np.cumsum(random.normal(0.001, 0.012, bars)))
    times = pd.date_range("2021-01-04 21:00", periods=bars, freq="B", tz="UTC")
    return pd.DataFrame({"timestamp": times, "close": close})


def trade(engine: capture.SignalCaptureEngine, frame: pd.DataFrame, cash: float) -> None:
    """Run the strategy over the prices; record each signal, and what becomes of it."""
    strategy = Breakout()
    for index, (time, close) in enumerate(zip(frame["timestamp"], frame["close"], strict=True)):
        levels = strategy.levels()
        context = {
            "timestamp": time,
            "strategy_id": "breakout",
            "indicators": levels,
            "strategy_params": {"lookback": strategy.lookback},
            "current_position": strategy.position,
            "available_capital": cash,
        }
        signal = strategy.on_close(close)
        if signal is None:
            continue
        at = {"symbol": "ACME", "timeframe": "1d", "bar_index": index}
        signal_id = engine.capture_signal({**signal, **at}, context)
        wanted = 0.0 if signal["direction"] == "flat" else cash // close
        if wanted * (close - levels["lowest"]) > MOST_AT_RISK:
            engine.capture_status(signal_id, "rejected", "risk_limit", actor="risk")
            continue
        units = wanted - strategy.position
        cash -= units * close
        strategy.position = wanted
        fill = {"signal_id": signal_id, "side": "buy" if units > 0 else "sell", **at}
        engine.capture_fill({**fill, "timestamp": time, "size": abs(units), "price": close})
        engine.capture_status(signal_id, "executed", "filled", actor="broker")


def main() -> None:
    """Record a run and show what is in the recording."""
    frame = prices()
    config = capture.SignalCaptureConfig(storage_path="signals")
    start = RunStart(host="my-engine", strategy="breakout", params={"lookback": 20})
    with capture.SignalCaptureEngine(config, run=start) as engine:
        engine.add_base_data(frame, symbol="ACME", timeframe="1d")
        trade(engine, frame, cash=20_000.0)

    recording = capture.open("signals").latest()
    columns = ["timestamp", "direction", "market_close", "indicator_highest", "disposition"]
    print(recording.signals(columns=columns).to_string())
    print(f"\n{len(recording.fills())} fills; read them with recording.fills()")


if __name__ == "__main__":
    main()
