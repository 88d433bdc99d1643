"""The asyncio face: batches by count and by time, and a loop that is never held up."""

from __future__ import annotations

import asyncio
import warnings
from typing import TYPE_CHECKING, Any

import pytest

from capture.errors import BackendFailed, CaptureWarning

if TYPE_CHECKING:
    from collections.abc import Callable

    from capture import Recording, SignalCaptureEngine

Say = "Callable[..., dict[str, Any]]"


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.005)


def test_a_batch_is_written_when_it_is_full(
    engine: Callable[..., SignalCaptureEngine],
    signal: Callable[..., Any],
    context: Callable[..., Any],
    latest: Callable[[], Recording],
) -> None:
    async def main() -> list[str | None]:
        told = []
        for n in range(49):
            told.append(await recorder.capture_signal_async(signal(), context(n)))
        await asyncio.sleep(0.02)
        assert recorder.statistics.flushed == 0
        told.append(await recorder.capture_signal_async(signal(), context(49)))
        await until(lambda: recorder.statistics.flushed == 50)
        for n in range(50, 60):
            told.append(await recorder.capture_signal_async(signal(), context(n)))
        return told

    recorder = engine(batch_seconds=3600)
    told = asyncio.run(main())
    assert recorder.statistics.pending == 10
    recorder.close()
    assert list(latest().signals()["signal_id"]) == told
    assert recorder.statistics.flushed == 60


def test_a_batch_that_does_not_fill_up_is_written_after_a_while(
    engine: Callable[..., SignalCaptureEngine],
    signal: Callable[..., Any],
    context: Callable[..., Any],
) -> None:
    async def main() -> None:
        for n in range(3):
            await recorder.capture_signal_async(signal(), context(n))
            await until(lambda n=n: recorder.statistics.flushed == n + 1)

    recorder = engine(batch_seconds=0.01)
    asyncio.run(main())
    asyncio.run(main_again(recorder, signal, context))
    assert recorder.statistics.flushed == 4


async def main_again(recorder: SignalCaptureEngine, signal: Any, context: Any) -> None:
    """A second event loop has timers of its own."""
    await recorder.capture_signal_async(signal(), context(10))
    await until(lambda: recorder.statistics.flushed == 4)


def test_the_timer_of_a_loop_that_ended_is_not_waited_for(
    engine: Callable[..., SignalCaptureEngine],
    signal: Callable[..., Any],
    context: Callable[..., Any],
) -> None:
    async def one(n: int) -> None:
        await recorder.capture_signal_async(signal(), context(n))

    recorder = engine(batch_seconds=0.2)
    asyncio.run(one(0))  # ends before its timer comes

    async def two() -> None:
        await one(1)
        await until(lambda: recorder.statistics.flushed == 2)

    asyncio.run(two())


@pytest.mark.parametrize("durability", ["journal", "fsync"])
def test_the_loop_goes_on_while_a_slow_backend_writes(
    engine: Callable[..., SignalCaptureEngine],
    gate: Any,
    signal: Callable[..., Any],
    context: Callable[..., Any],
    latest: Callable[[], Recording],
    durability: str,
) -> None:
    async def main() -> None:
        for n in range(20):
            await recorder.capture_signal_async(signal(), context(n))
        await asyncio.to_thread(gate.reached.wait, 30)
        # The backend stands still, and this loop is here to open the gate.
        gate.open.set()
        await until(lambda: recorder.statistics.flushed == 20)

    recorder = engine(backend="gated", batch_size=20, batch_seconds=3600, durability=durability)
    gate.close()
    asyncio.run(main())
    recorder.close()
    assert len(latest().signals()) == 20


def test_many_tasks_capture_at_once(
    engine: Callable[..., SignalCaptureEngine],
    signal: Callable[..., Any],
    context: Callable[..., Any],
    latest: Callable[[], Recording],
) -> None:
    async def work(task: int) -> None:
        for n in range(50):
            await recorder.capture_signal_async(signal(symbol=f"S{task}"), context(n))

    async def main() -> None:
        await asyncio.gather(*(work(task) for task in range(10)))

    recorder = engine(durability="fsync")
    asyncio.run(main())
    recorder.close()
    found = latest().signals()
    assert list(found["seq"]) == list(range(500))
    assert found.groupby("symbol").size().tolist() == [50] * 10


def test_an_error_of_the_background_flush_reaches_the_user(
    engine: Callable[..., SignalCaptureEngine],
    gate: Any,
    signal: Callable[..., Any],
    context: Callable[..., Any],
    latest: Callable[[], Recording],
) -> None:
    async def main() -> list[str | None]:
        told = []
        for n in range(5):
            told.append(await recorder.capture_signal_async(signal(), context(n)))
        await until(lambda: bool(heard))
        told.append(await recorder.capture_signal_async(signal(), context(9)))
        return told

    recorder = engine(backend="gated", batch_size=5, batch_seconds=3600)
    gate.broken = OSError("the disk is gone")
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        told = asyncio.run(main())
    assert {w.category for w in heard} == {CaptureWarning}
    assert "the disk is gone" in str(heard[0].message)
    with pytest.raises(BackendFailed, match="the disk is gone"):
        recorder.close()
    gate.broken = None
    assert list(latest().signals()["signal_id"]) == told
