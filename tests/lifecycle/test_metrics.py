"""Prometheus and `capture stats` see what runs, databases, trackers and senders do."""

from __future__ import annotations

import json
import os
import signal as signals
import subprocess
import sys
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

import pytest
from click.testing import CliRunner
from prometheus_client.parser import text_string_to_metric_families

import capture
from capture.cli import cli
from capture.errors import StoreError
from capture.host import Host, use_host
from capture.lifecycle.delivery import Sender
from capture_http.sink import HttpSink
from capture_metrics import Metrics
from capture_sql import SignalRepository

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def metrics() -> Iterator[Metrics]:
    with Metrics(fresh_s=0) as made:
        yield made


def scraped(metrics: Metrics | str) -> dict[tuple[str, ...], float]:
    """Return samples by their name and the values of their labels, in order of the labels."""
    url = metrics if isinstance(metrics, str) else metrics.serve(0)
    with urlopen(url) as answer:
        text = answer.read().decode()
    if not isinstance(metrics, str):
        metrics.close()
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


def test_runs_are_counted_as_they_go_on(metrics: Metrics, tmp_path: Path) -> None:
    host = Host()
    host.register(metrics)
    with (
        use_host(host),
        capture.SignalCaptureEngine(
            capture.SignalCaptureConfig(storage_path=tmp_path / "signals")
        ) as engine,
    ):
        for number in range(6):
            name = engine.capture_signal(
                {"symbol": "ACME", "direction": 1, "signal_type": "entry"},
                {"strategy_id": "x", "timestamp": number + 1},
            )
            status = ("executed", "filled") if number % 3 else ("rejected", "risk_limit")
            engine.capture_status(name, *status)
        before = scraped(metrics)
    assert before["capture_signals_total", "entry", "x"] == 6
    assert before["capture_statuses_total", "filled", "executed"] == 4
    assert before["capture_statuses_total", "risk_limit", "rejected"] == 2
    after = scraped(metrics)
    assert after["capture_stored_rows_total", "signals"] == 6
    assert after["capture_storage_seconds_count",] >= 1
    assert after["capture_runs_total", "ended"] == 1


def test_a_database_a_tracker_and_a_sender_are_watched(
    db_url: str, metrics: Metrics, signal: Callable[..., Any], tmp_path: Path
) -> None:
    with SignalRepository(db_url, sinks=("http",)) as repository:
        tracker = capture.SignalTracker(repository, spool=tmp_path / "spool")
        names = [tracker.log_signal(signal()) for _ in range(4)]
        tracker.log_status(names[0], "executed", executed_price=101, executed_quantity=10)
        tracker.log_status(names[1], "rejected")
        tracker.flush()
        sender = Sender(repository.outbox(), HttpSink("http://127.0.0.1:9/"), name="http")
        sender.run_once()
        metrics.watch(repository, tracker=tracker, sender=sender)
        found = scraped(metrics)
        tracker.close()
        sender.close()
        place = repository.place
    assert found["capture_lifecycle_signals", place, "generated"] == 2
    assert found["capture_lifecycle_executed", place] == 1
    assert found["capture_lifecycle_skipped", place] == 1
    assert found["capture_lifecycle_last_hour", place] == 4
    assert found["capture_lifecycle_execution_rate", place] == 0.5
    assert found["capture_lifecycle_open_positions", place] == 1
    assert found["capture_outbox_items", place, "http", "pending"] == 6
    assert found["capture_outbox_oldest_seconds", place, "http"] > 0
    assert found["capture_tracker_stored_total", "main"] == 6
    assert found["capture_tracker_pending", "main"] == 0
    assert found["capture_tracker_store_seconds_total", "main"] > 0
    assert found["capture_delivery_up", "http"] == 0


def test_a_database_that_does_not_answer_is_counted_and_breaks_nothing(
    metrics: Metrics, tmp_path: Path
) -> None:
    repository = SignalRepository(f"sqlite:///{tmp_path}/lifecycle.sqlite")
    metrics.watch(repository)
    assert scraped(metrics)["capture_lifecycle_databases_silent",] == 0
    repository.close()
    assert scraped(metrics)["capture_lifecycle_databases_silent",] == 1


def test_the_endpoint_is_for_this_machine_and_says_if_its_port_is_taken(
    metrics: Metrics,
) -> None:
    url = metrics.serve(0)
    assert url.startswith("http://127.0.0.1:")
    with pytest.raises(StoreError, match="another port"), Metrics() as other:
        other.serve(int(url.rsplit(":", 1)[1].partition("/")[0]))


def test_capture_metrics_serves_a_database_until_it_is_told_to_stop(
    db_url: str, signal: Callable[..., Any]
) -> None:
    with SignalRepository(db_url) as repository:
        repository.save_signal(signal())
        place = repository.place
    process = subprocess.Popen(
        [sys.executable, "-m", "capture", "metrics", "--db", db_url, "--port", "0"],
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    url = process.stdout.readline().split()[-1]
    assert scraped(url)["capture_lifecycle_signals", place, "generated"] == 1
    process.send_signal(signals.SIGTERM)
    assert process.wait(20) == 0
    process.stdout.close()


def test_capture_stats_shows_how_a_database_stands(db_url: str, signal: Callable[..., Any]) -> None:
    with SignalRepository(db_url, sinks=("http",)) as repository:
        names = repository.save_signals([signal(), signal(), signal()])
        repository.update_signal_status(names[0], "rejected")
    said = json.loads(CliRunner().invoke(cli, ["stats", "--db", db_url, "--json"]).output)
    assert (said["signals"], said["skipped"], said["by_status"]["generated"]) == (3, 1, 2)
    assert said["outbox"]["http"]["pending"] == 4
    ran = CliRunner().invoke(cli, ["stats", "--db", db_url])
    assert ran.exit_code == 0, ran.output
    assert "rejected        1" in ran.output
    assert "OLDEST WAITS" in ran.output
