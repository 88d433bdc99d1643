"""Signal Capture for vectorbt: portfolios, recorded by one line around the calls that make them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from capture import hookimpl
from capture.contracts.info import AdapterInfo

if TYPE_CHECKING:
    from collections.abc import Iterator


def _load() -> Any:
    from capture_vectorbt.adapter import VectorbtAdapter

    return VectorbtAdapter()


@hookimpl
def register_adapters() -> Iterator[AdapterInfo]:
    """Offer the adapter."""
    yield AdapterInfo(
        "vectorbt",
        load=_load,
        extra="vectorbt",
        requires=("vectorbt",),
        summary="vectorbt portfolios",
        listens=True,
    )
