"""Signal Capture for vectorbt: portfolios, recorded by one line around the calls that make them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from capture import hookimpl
from capture.contracts.info import AdapterInfo

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from capture.contracts.fill_rules import FillRules


def _load() -> Any:
    from capture_vectorbt.adapter import VectorbtAdapter

    return VectorbtAdapter()


def _rules(settings: Mapping[str, Any]) -> FillRules | None:
    from capture_vectorbt.fill_rules import rules

    return rules(settings)


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
        rules=_rules,
    )
