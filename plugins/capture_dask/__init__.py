"""Runs the tasks of a study on Dask: a cluster that is there, or one of its own on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from capture import hookimpl
from capture.contracts.info import ExecutorInfo

if TYPE_CHECKING:
    from collections.abc import Iterator


def _load() -> Any:
    from capture_dask.executor import DaskExecutor

    return DaskExecutor


@hookimpl
def register_executors() -> Iterator[ExecutorInfo]:
    """Offer the executor."""
    yield ExecutorInfo(
        "dask",
        load=_load,
        extra="dask",
        requires=("distributed",),
        summary="a Dask cluster, or one of its own on this machine",
    )
