"""Record from an asyncio program, while another task reads what was recorded so far."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from random import Random

import capture
from capture.store.run import RunStart


async def quotes(count: int) -> asyncio.Queue[dict[str, object] | None]:
    """Return a queue of quotes that ends with None, as a feed would fill it."""
    queue: asyncio.Queue[dict[str, object] | None] = asyncio.Queue()
    random, mid = Random(7), 100.0
    for _ in range(count):
        mid *= 1 + random.gauss(0, 0.001)
        queue.put_nowait({"symbol": "ACME", "bid": mid - 0.01, "ask": mid + 0.01})
    queue.put_nowait(None)
    return queue


async def trade(engine: capture.SignalCaptureEngine) -> None:
    """Give a signal whenever the price is far from its average."""
    queue = await quotes(400)
    average = 100.0
    while (quote := await queue.get()) is not None:
        mid = (quote["bid"] + quote["ask"]) / 2
        average += 0.05 * (mid - average)
        distance = mid / average - 1
        if abs(distance) < 0.002:
            continue
        await engine.capture_signal_async(
            {"symbol": "ACME", "direction": -1 if distance > 0 else 1, "strength": abs(distance)},
            {
                "timestamp": datetime.now(UTC),
                "strategy_id": "revert",
                "best_bid": quote["bid"],
                "best_ask": quote["ask"],
                "indicators": {"average": average},
            },
        )
        await asyncio.sleep(0.001)


async def watch(engine: capture.SignalCaptureEngine, done: asyncio.Event) -> None:
    """Say now and then how far the recording is; `capture tail --follow` would do as well."""
    while not done.is_set():
        await asyncio.sleep(0.1)
        signals = await asyncio.to_thread(engine.recording.signals)
        print(f"{len(signals)} signals so far")


async def main() -> None:
    """Trade and watch at once; leaving the `with` block seals the recording."""
    config = capture.SignalCaptureConfig(
        storage_path="signals", asynchronous=True, batch_size=20, batch_seconds=0.5
    )
    start = RunStart(host="live", strategy="revert")
    done = asyncio.Event()
    with capture.SignalCaptureEngine(config, run=start) as engine:
        watching = asyncio.create_task(watch(engine, done))
        await trade(engine)
        done.set()
        await watching

    recording = capture.open("signals").latest()
    print(f"{recording.state}: {len(recording.signals())} signals")
    print(recording.signals(columns=["timestamp", "direction", "strength", "market_mid"]).tail())


if __name__ == "__main__":
    asyncio.run(main())
