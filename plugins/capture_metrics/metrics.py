"""What Prometheus is told: of runs as they go on, and of databases, trackers and senders."""

from __future__ import annotations

import logging
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, Self

from prometheus_client import CollectorRegistry, Counter, Histogram, start_http_server

from capture import hookimpl
from capture.errors import CaptureError, StoreError
from capture_metrics.gauges import of_figures, of_sender, of_tracker

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.metrics_core import Metric

    from capture.events import (
        CapturedSignal,
        FlushReport,
        RunSummary,
        StatusChange,
    )
    from capture.lifecycle.delivery import Sender
    from capture.lifecycle.figures import LifecycleFigures
    from capture.lifecycle.tracker import SignalTracker

__all__ = ["PORT", "Metrics"]

PORT: Final = 9464
_LOG: Final = logging.getLogger("capture.metrics")
_SECONDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Metrics:
    """A plugin that counts what runs do, and an endpoint that shows it.

    It is registered by hand, because an observer costs something with every signal:
    `capture.get_host().register(metrics)`. What is watched beside runs is asked when Prometheus
    asks, a database at most once in `fresh_s` seconds.
    """

    def __init__(self, *, fresh_s: float = 5.0) -> None:
        self.registry: Final = CollectorRegistry()
        self._fresh_s: Final = fresh_s
        self._lock: Final = Lock()
        self._repositories: list[Any] = []
        self._trackers: dict[str, SignalTracker] = {}
        self._senders: dict[str, Sender] = {}
        self._known: dict[int, tuple[float, LifecycleFigures | None]] = {}
        self._server: Any = None
        self._runs = self._counter("runs", "Parts of runs that ended, by how.", "state")
        self._signals = self._counter(
            "signals", "Signals that runs captured.", "strategy", "signal_type"
        )
        self._statuses = self._counter(
            "statuses", "Changes of a signal's status in runs.", "status", "reason"
        )
        self._rows = self._counter("stored_rows", "Rows that reached a storage backend.", "table")
        self._storage = Histogram(
            "capture_storage_seconds",
            "How long a block of events took to reach its storage backend.",
            registry=self.registry,
            buckets=_SECONDS,
        )
        self.registry.register(self)

    def _counter(self, name: str, what: str, *labels: str) -> Counter:
        return Counter(f"capture_{name}", what, labels, registry=self.registry)

    # --- observers ---------------------------------------------------------------------------

    @hookimpl
    def on_signal(self, signal: CapturedSignal) -> None:
        """Count a signal."""
        self._signals.labels(signal.strategy_id, signal.signal_type or "").inc()

    @hookimpl
    def on_status(self, change: StatusChange) -> None:
        """Count a change of status."""
        self._statuses.labels(change.status, change.reason or "").inc()

    @hookimpl
    def on_flush(self, report: FlushReport) -> None:
        """Note how long a block took."""
        self._storage.observe(report.seconds)
        for table, rows in report.rows.items():
            self._rows.labels(table).inc(rows)

    @hookimpl
    def on_run_stop(self, summary: RunSummary) -> None:
        """Count a part of a run."""
        self._runs.labels(str(summary.state)).inc()

    # --- what is watched beside runs -----------------------------------------------------------

    def watch(
        self,
        repository: Any = None,
        *,
        tracker: SignalTracker | None = None,
        sender: Sender | None = None,
        name: str = "main",
    ) -> Self:
        """Show the figures of a repository, a tracker or a sender as well.

        Args:
            repository: its signals by state, outcomes, and its outbox.
            tracker: what it took in, and what waits.
            sender: what it delivered.
            name: tells several trackers apart.
        """
        with self._lock:
            if repository is not None:
                self._repositories.append(repository)
            if tracker is not None:
                self._trackers[name] = tracker
            if sender is not None:
                self._senders[sender.name] = sender
        return self

    def collect(self) -> Iterator[Metric]:
        """Yield what is watched, for Prometheus."""
        with self._lock:
            figures = [self._figures(each) for each in self._repositories]
            trackers, senders = dict(self._trackers), dict(self._senders)
        yield from of_figures([each for each in figures if each is not None], figures.count(None))
        yield from of_tracker({name: each.statistics for name, each in trackers.items()})
        yield from of_sender({name: each.snapshot() for name, each in senders.items()})

    def _figures(self, repository: Any) -> LifecycleFigures | None:
        """Return the figures of a repository, not much older than now; None if it cannot say."""
        from capture.lifecycle.figures import lifecycle_figures

        asked, known = self._known.get(id(repository), (0.0, None))
        if known is not None and monotonic() - asked < self._fresh_s:
            return known
        try:
            known = lifecycle_figures(repository)
        except CaptureError as exc:
            _LOG.warning("%s", exc)
            known = None
        self._known[id(repository)] = (monotonic(), known)
        return known

    # --- the endpoint ------------------------------------------------------------------------

    def serve(self, port: int = PORT, host: str = "127.0.0.1") -> str:
        """Serve `/metrics` from a thread, and return its address.

        Args:
            port: 0 stands for any that is free.
            host: only this machine, unless another address is named.
        """
        try:
            self._server, _ = start_http_server(port, host, self.registry)
        except OSError as exc:
            raise StoreError(
                f"{host}:{port}", f"cannot be listened at ({exc.strerror})", "choose another port"
            ) from exc
        return f"http://{host}:{self._server.server_address[1]}/metrics"

    def close(self) -> None:
        """End the endpoint."""
        server, self._server = self._server, None
        if server is not None:
            server.shutdown()
            server.server_close()

    def __enter__(self) -> Self:
        """Return the metrics."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the endpoint."""
        self.close()
