"""Recordings as JSON lines: readable by anything, and by eye."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capture import hookimpl
from capture.contracts.info import BackendInfo

if TYPE_CHECKING:
    from collections.abc import Iterator


def _load() -> type:
    from capture_json.backend import JSONStorageBackend

    return JSONStorageBackend


@hookimpl
def register_backends() -> Iterator[BackendInfo]:
    """Offer the backend."""
    yield BackendInfo(
        "json",
        load=_load,
        extra="json",
        suffixes=(".jsonl.zst", ".jsonl.gz", ".jsonl"),
        summary="JSON lines: readable by anything, plain, gzip or zstd",
    )
