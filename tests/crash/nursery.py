"""Forks writers from a process that has everything imported, and kills them.

Run as a program, it reads one JSON object per line: what a writer is to do, and how many seconds
after its first signal it is killed. It answers with the signals that the writer had been told of.
The process itself records nothing, so that what it forks begins clean.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import threading
import time
import traceback
import warnings
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

import capture
import capture.store.recover  # imported before the forks, as is what comes with the host
from capture.host import get_host

START = datetime(2024, 1, 1, tzinfo=UTC)
BARS = 400


def record(task: dict[str, Any], told: int) -> None:
    """Capture signals without end, or close after some, and tell of each when it is safe."""
    config = capture.SignalCaptureConfig(storage_path=task["store"], **task["settings"])
    engine = capture.SignalCaptureEngine(config)
    index = pd.date_range("2024-01-01", periods=BARS, tz="UTC")
    bars = pd.DataFrame({"close": np.arange(float(BARS))}, index=index)
    engine.add_base_data(bars, symbol="S0", timeframe="1d")

    def work(thread: int) -> None:
        for n in range(task["signals"]):
            indicators = {"sma": n / 2, "state": "up" * (n % 5)}
            if n > task["signals"] // 2:
                indicators["late"] = n
            identity = engine.capture_signal(
                {
                    "symbol": f"S{thread}",
                    "timeframe": "1d",
                    "bar_index": n % BARS,
                    "direction": n % 3 - 1,
                    "order": {"size": 1.0} if n % 7 == 0 else None,
                },
                {
                    "timestamp": START + timedelta(seconds=n),
                    "strategy_id": f"thread-{thread}",
                    "indicators": indicators,
                    "strategy_params": {"fast": n // 50},
                },
            )
            os.write(told, f"{identity} {thread} {n}\n".encode())
            if n % 3 == 0:
                engine.capture_status(identity, "rejected", "risk_limit")
            if n % 11 == 0:
                engine.note("why", {"n": n}, signal_id=identity)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(1, task["threads"])]
    for thread in threads:
        thread.start()
    work(0)
    for thread in threads:
        thread.join()
    os.write(told, b"closing\n")
    engine.close()
    os.write(told, b"closed\n")


def reopen(task: dict[str, Any], told: int) -> None:
    """Open the store, which recovers it."""
    os.write(told, b"opening\n")
    capture.open(task["store"])
    os.write(told, b"opened\n")


def killed(task: dict[str, Any]) -> list[str]:
    """Fork a process for the task, kill it some time after it spoke, and return what it said."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        status = 1
        try:
            warnings.simplefilter("error")
            {"record": record, "reopen": reopen}[task["task"]](task, writer)
            status = 0
        except BaseException:
            os.write(2, traceback.format_exc().encode())
        finally:
            os._exit(status)
    os.close(writer)
    said = _listen(reader, child, begin=task["begin"].encode(), seconds=task["seconds"])
    status = os.waitpid(child, 0)[1]
    if os.WIFEXITED(status) and os.WEXITSTATUS(status):
        raise SystemExit("the writer failed by itself")
    return said.decode().split("\n")[:-1]


def _listen(reader: int, child: int, *, begin: bytes, seconds: float) -> bytes:
    """Return what a process said until it ended; kill it some time after it said `begin`."""
    said, deadline, alive = b"", None, True
    while True:
        wait = None if deadline is None or not alive else max(deadline - time.monotonic(), 0)
        if not select.select([reader], [], [], wait)[0]:
            os.kill(child, signal.SIGKILL)
            alive = False
            continue
        piece = os.read(reader, 1 << 16)
        if not piece:
            os.close(reader)
            return said
        said += piece
        if deadline is None and begin in said:
            deadline = time.monotonic() + seconds


def main() -> None:
    for backend in ("parquet", "json", "sql", "hdf5"):
        get_host().backend(backend)
    for line in sys.stdin:
        sys.stdout.write(json.dumps(killed(json.loads(line))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
