"""Recordings as Parquet: the default, small on disk and quick to search."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capture import hookimpl
from capture.contracts.info import BackendInfo

if TYPE_CHECKING:
    from collections.abc import Iterator


def _load() -> type:
    from capture_parquet.backend import ParquetStorageBackend

    return ParquetStorageBackend


@hookimpl
def register_backends() -> Iterator[BackendInfo]:
    """Offer the backend."""
    yield BackendInfo(
        "parquet",
        load=_load,
        extra="parquet",
        suffixes=(".parquet",),
        summary="Parquet: the default, small on disk and quick to search",
    )
