"""Recordings as Feather files, which load into memory as they lie on disk.

This module is imported whenever plugins are listed, so it imports nothing heavy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from capture import hookimpl
from capture.contracts.info import BackendInfo

if TYPE_CHECKING:
    from collections.abc import Iterator


def _load() -> type:
    from capture_feather.backend import FeatherStorageBackend

    return FeatherStorageBackend


@hookimpl
def register_backends() -> Iterator[BackendInfo]:
    """Offer the backend under the name "feather"."""
    yield BackendInfo(
        "feather",
        load=_load,
        requires=("pyarrow",),
        suffixes=(".feather",),
        summary="Feather: quick to write and to load, larger than Parquet",
    )
