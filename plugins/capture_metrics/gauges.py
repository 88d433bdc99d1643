"""Figures as Prometheus has them: a family per figure, made when it is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from capture.lifecycle.figures import waiting_s

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from prometheus_client.metrics_core import Metric

    from capture.lifecycle.delivery import Round
    from capture.lifecycle.figures import LifecycleFigures
    from capture.lifecycle.tracker_statistics import TrackerStatistics

__all__ = ["of_figures", "of_sender", "of_tracker"]


def of_figures(figures: Sequence[LifecycleFigures], silent: int) -> Iterator[Metric]:
    """Yield the figures of databases.

    Args:
        figures: of those that answered.
        silent: how many did not.
    """
    if figures or silent:
        yield _gauge("lifecycle_databases_silent", "Databases that do not answer.", [((), silent)])
    if not figures:
        return
    yield _gauge(
        "lifecycle_signals",
        "Signals in the database, by their state.",
        [
            ((each.place, status), number)
            for each in figures
            for status, number in each.by_status.items()
        ],
        "database",
        "status",
    )
    for name, what in _FIGURES.items():
        values = [((each.place,), getattr(each, name)) for each in figures]
        yield _gauge(f"lifecycle_{name}", what, values, "database")
    counts = [(each.place, sink, c) for each in figures for sink, c in each.outbox.items()]
    yield _gauge(
        "outbox_items",
        "Items of the outbox, by their state.",
        [
            ((place, sink, state), getattr(c, state))
            for place, sink, c in counts
            for state in ("pending", "sent", "dead", "held")
        ],
        "database",
        "sink",
        "state",
    )
    yield _gauge(
        "outbox_oldest_seconds",
        "How long the oldest item waits that was not sent.",
        [((place, sink), waiting_s(c)) for place, sink, c in counts],
        "database",
        "sink",
    )


_FIGURES = {
    "last_hour": "Signals that were given within the last hour.",
    "executed": "Signals that were filled as far as they will be.",
    "skipped": "Signals that came to nothing.",
    "execution_rate": "Share of the finished signals that were executed.",
    "avg_slippage": "Mean slippage per unit; positive is worse.",
    "open_positions": "Positions that are not closed yet.",
    "realised_profit": "Profit of everything closed.",
    "unrealised_profit": "Profit of everything open, at the last marks.",
    "win_rate": "Share of closed positions with a profit.",
}


def of_tracker(trackers: Mapping[str, TrackerStatistics]) -> Iterator[Metric]:
    """Yield what trackers counted."""
    if not trackers:
        return
    for name in ("accepted", "stored", "refused", "dropped", "batches", "failures"):
        values = [((one,), getattr(said, name)) for one, said in trackers.items()]
        yield _counter(f"tracker_{name}", f"Of trackers: {name}.", values, "tracker")
    yield _counter(
        "tracker_store_seconds",
        "Time that trackers spent storing; over batches it is the storage latency.",
        [((one,), said.store_seconds) for one, said in trackers.items()],
        "tracker",
    )
    yield _gauge(
        "tracker_pending",
        "Depth of the queue.",
        [((one,), said.pending) for one, said in trackers.items()],
        "tracker",
    )


def of_sender(senders: Mapping[str, Round]) -> Iterator[Metric]:
    """Yield what senders did."""
    if not senders:
        return
    for name in ("sent", "failed", "dead"):
        values = [((sink,), getattr(done, name)) for sink, done in senders.items()]
        yield _counter(f"delivery_{name}", f"Items that senders had {name}.", values, "sink")
    yield _counter(
        "delivery_seconds",
        "Time that remotes took to answer.",
        [((sink,), done.seconds) for sink, done in senders.items()],
        "sink",
    )
    yield _gauge(
        "delivery_up",
        "Whether the remote took something when it was asked last.",
        [((sink,), int(done.unavailable is None)) for sink, done in senders.items()],
        "sink",
    )


def _gauge(name: str, what: str, values: Any, *labels: str) -> Metric:
    family = GaugeMetricFamily(f"capture_{name}", what, labels=labels)
    for words, value in values:
        if value is not None:
            family.add_metric(words, value)
    return family


def _counter(name: str, what: str, values: Any, *labels: str) -> Metric:
    family = CounterMetricFamily(f"capture_{name}", what, labels=labels)
    for words, value in values:
        family.add_metric(words, value)
    return family
