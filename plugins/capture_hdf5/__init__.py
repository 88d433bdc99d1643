"""Recordings as HDF5: one compressed, chunked dataset per column."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capture import hookimpl
from capture.contracts.info import BackendInfo

if TYPE_CHECKING:
    from collections.abc import Iterator


def _load() -> type:
    from capture_hdf5.backend import HDF5StorageBackend

    return HDF5StorageBackend


@hookimpl
def register_backends() -> Iterator[BackendInfo]:
    """Offer the backend."""
    yield BackendInfo(
        "hdf5",
        load=_load,
        extra="hdf5",
        requires=("h5py",),
        suffixes=(".h5",),
        summary="HDF5: one compressed dataset per column",
    )
