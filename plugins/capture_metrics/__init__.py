"""Metrics of runs, and of what became of signals, for Prometheus."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from capture import hookimpl
from capture.contracts.info import CommandInfo

if TYPE_CHECKING:
    from collections.abc import Iterator

    from capture_metrics.metrics import Metrics

__all__ = ["Metrics"]


def __getattr__(name: str) -> Any:
    if name == "Metrics":
        from capture_metrics.metrics import Metrics

        return Metrics
    raise AttributeError(f"module 'capture_metrics' has no attribute {name!r}")


def _load() -> Any:
    from capture_metrics.command import command

    return command


@hookimpl
def register_commands() -> Iterator[CommandInfo]:
    """Offer the verb."""
    yield CommandInfo(
        "metrics",
        load=_load,
        extra="metrics",
        requires=("prometheus_client",),
        summary="Serve figures of a database of signals to Prometheus.",
    )
