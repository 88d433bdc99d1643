"""Executors: many tasks, in this process or in others, and what became of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from capture.contracts.info import ExecutorInfo
from capture.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["register_executors"]


def _serial() -> Any:
    from capture.study.executors.serial import SerialExecutor

    return SerialExecutor


def _processes() -> Any:
    from capture.study.executors.processes import ProcessExecutor

    return ProcessExecutor


@hookimpl
def register_executors() -> Iterator[ExecutorInfo]:
    """Offer the executors that need no other library."""
    yield ExecutorInfo("serial", load=_serial, summary="one task after the other, in this process")
    yield ExecutorInfo("processes", load=_processes, summary="worker processes on this machine")
