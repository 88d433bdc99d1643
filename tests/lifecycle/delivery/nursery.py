"""Forks trading processes from one that has everything imported, and kills them.

Run as a program, it reads one JSON object per line: what a process is to do, and how many seconds
after its first signal it is killed. It answers with what the process was told to be accepted.
"""

from __future__ import annotations

import json
import os
import select
import signal
import ssl
import sys
import time
import traceback
from importlib import import_module
from typing import Any

from capture.lifecycle.delivery import RetryPolicy, Sender
from capture.lifecycle.tracker import SignalTracker
from capture_http.sink import HttpSink
from capture_sql import SignalRepository


def trade(task: dict[str, Any], told: int) -> None:
    """Log signals and what becomes of them without end, and deliver them from the same process."""
    repository = SignalRepository(task["db_url"], sinks=("http",))
    sink = HttpSink(task["url"], batch_url=task["batch_url"], batch=5)
    policy = RetryPolicy(base_s=0.01, cap_s=0.05)
    sender = Sender(
        repository.outbox(), sink, name="http", policy=policy, lease_s=90, claim=10, poll_s=0.001
    )
    tracker = SignalTracker(
        repository, batch_size=5, interval_s=0.005, spool=task["spool"], audit=task["audit"]
    )
    sender.start()
    for number in range(10_000):
        name = f"{task['name']}.{number}"
        tracker.log_signal({"signal_id": name, "symbol": "ACME", "side": "buy"})
        os.write(told, f"{name} 1\n".encode())
        tracker.log_status(name, "submitted")
        os.write(told, f"{name} 2\n".encode())
        tracker.log_status(name, "executed", executed_price=10.0, executed_quantity=1)
        os.write(told, f"{name} 3\n".encode())
        time.sleep(0.001)


def killed(task: dict[str, Any]) -> list[str]:
    """Fork a process for the task, kill it some time after it spoke, and return what it said."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        try:
            trade(task, writer)
        except BaseException:
            os.write(2, traceback.format_exc().encode())
        finally:
            os._exit(1)
    os.close(writer)
    said, deadline, alive = b"", None, True
    while True:
        wait = None if deadline is None or not alive else max(deadline - time.monotonic(), 0)
        if not select.select([reader], [], [], wait)[0]:
            os.kill(child, signal.SIGKILL)
            alive = False
            continue
        piece = os.read(reader, 1 << 16)
        if not piece:
            break
        said += piece
        if deadline is None:
            deadline = time.monotonic() + task["seconds"]
    os.close(reader)
    status = os.waitpid(child, 0)[1]
    if os.WIFEXITED(status):
        raise SystemExit("the process ended by itself")
    return said.decode().split("\n")[:-1]


def main() -> None:
    # Imported before the forks, so that the first signal comes soon.
    for name in ("capture_sql.outbox", "psycopg", "sqlalchemy.dialects.postgresql.psycopg"):
        import_module(name)
    SignalRepository("sqlite://").close()
    import_module("capture.journal.reader")
    ssl.create_default_context()
    for line in sys.stdin:
        sys.stdout.write(json.dumps(killed(json.loads(line))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
