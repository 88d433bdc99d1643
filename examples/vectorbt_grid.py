"""Record a grid of vectorbt with one line, and ask which of its signals would bear higher fees."""

from __future__ import annotations

import vectorbt as vbt
from backtesting.test import GOOG

import capture


def main() -> None:
    """Run every pair of four averages, and answer two questions from the recording."""
    close = GOOG["Close"].rename("GOOG")
    with capture.record("signals") as recorded:
        fast, slow = vbt.MA.run_combs(close, [5, 10, 20, 40], r=2, short_names=["fast", "slow"])
        entries, exits = fast.ma_crossed_above(slow), fast.ma_crossed_below(slow)
        portfolio = vbt.Portfolio.from_signals(
            close, entries, exits, init_cash=10_000, fees=0.001, freq="1D"
        )
    [recording] = recorded.recordings
    print(f"Best return of the grid: {100 * portfolio.total_return().max():.0f} %\n")

    print("What became of the signals of each set of parameters?")
    signals = recording.signals()
    sets = ["param_fast_window", "param_slow_window"]
    print(signals.groupby([*sets, "disposition"]).size().unstack().to_string(), "\n")

    print("What would the same signals have come to with other fees? Nothing is computed again.")
    replay = capture.replay(recording)
    for fees in (0.0, 0.001, 0.01):
        value = replay.into("vectorbt", fees=fees).final_value()
        short, long = value.idxmax()
        print(f"fees {fees:6.1%}: at best {value.max():7,.0f}, with averages of {short} and {long}")

    print(f"\n{capture.verify('signals')}")


if __name__ == "__main__":
    main()
