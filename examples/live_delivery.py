"""Trade live, keep what becomes of every signal, and deliver it to a remote that goes away."""

from __future__ import annotations

import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import capture
from capture.lifecycle.delivery import RetryPolicy, Sender
from capture.store.run import RunStart
from capture_http.sink import HttpSink
from capture_sql import SignalRepository

sys.path.insert(0, str(Path(__file__).with_name("remote_receiver")))
from receiver import Receiver


def trade(engine: capture.SignalCaptureEngine, tracker: capture.SignalTracker) -> None:
    """Give signals; every third is refused by risk, the others are filled in two parts."""
    random = Random(7)
    for number in range(60):
        price = round(100 * (1 + random.gauss(0, 0.01)), 2)
        signal = {"symbol": "ACME", "direction": 1 if number % 2 else -1, "strength": 0.5}
        context = {"timestamp": datetime.now(UTC), "strategy_id": "live"}
        name = engine.capture_signal(signal, context)
        tracker.log_signal(
            {**signal, "signal_id": name, "entry_price": price, "requested_quantity": 10},
            strategy_id="live",
            run_id=engine.run_id,
        )
        if number % 3 == 0:
            tracker.log_status(name, "rejected", reason="risk_limit", actor="risk")
            continue
        tracker.log_status(name, "submitted", submitted_price=price)
        for part in ("partially_filled", "executed"):
            paid = round(price * (1 + random.gauss(0, 0.0005)), 2)
            tracker.log_status(name, part, executed_price=paid, executed_quantity=5)


def main() -> None:
    """Deliver while trading; the remote is away at first, and nothing is lost by that."""
    repository = SignalRepository("sqlite:///lifecycle.sqlite", sinks=["http"])
    remote = Receiver("received.sqlite")  # it listens, and does not answer yet
    sink = HttpSink(remote.url, batch_url=remote.batch_url, batch=20, timeout_s=0.2)
    policy = RetryPolicy(retries=100, base_s=0.05, cap_s=0.2)
    sender = Sender(repository.outbox(), sink, name="http", policy=policy).start()
    config = capture.SignalCaptureConfig(storage_path="signals")
    start = RunStart(host="live", strategy="live")
    with (
        capture.SignalCaptureEngine(config, run=start) as engine,
        capture.SignalTracker(repository, audit="audit") as tracker,
    ):
        trade(engine, tracker)
    print(f"stored: {repository.get_execution_stats().by_status}")
    print(f"waiting for the remote: {repository.outbox().counts('http').pending}")

    threading.Thread(target=remote.serve_forever, daemon=True).start()
    sender.stop()
    done = Sender(repository.outbox(), sink, name="http", policy=policy).drain()
    print(f"delivered: {sender.totals.sent + done.sent}, kept: {len(remote.inbox.items())}")
    sink.close()
    remote.shutdown()
    remote.server_close()
    remote.inbox.close()
    repository.close()


if __name__ == "__main__":
    main()
