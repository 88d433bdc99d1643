"""Runs the tasks of a study on Ray: a cluster that is there, or one of its own on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from capture import hookimpl
from capture.contracts.info import ExecutorInfo

if TYPE_CHECKING:
    from collections.abc import Iterator


def _load() -> Any:
    from capture_ray.executor import RayExecutor

    return RayExecutor


@hookimpl
def register_executors() -> Iterator[ExecutorInfo]:
    """Offer the executor."""
    yield ExecutorInfo(
        "ray",
        load=_load,
        extra="ray",
        requires=("ray",),
        summary="a Ray cluster, or one of its own on this machine",
    )
