"""Signal Capture for zipline: the functions of an unmodified strategy, recorded by one line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from capture import hookimpl
from capture.contracts.info import AdapterInfo

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from capture.contracts.fill_rules import FillRules


def _load() -> Any:
    from capture_zipline.adapter import ZiplineAdapter

    return ZiplineAdapter()


def _rules(settings: Mapping[str, Any]) -> FillRules | None:
    from capture_zipline.fill_rules import rules

    return rules(settings)


@hookimpl
def register_adapters() -> Iterator[AdapterInfo]:
    """Offer the adapter."""
    yield AdapterInfo(
        "zipline",
        load=_load,
        extra="zipline",
        requires=("zipline",),
        summary="zipline-reloaded algorithms",
        functions=("initialize", "handle_data", "before_trading_start", "analyze"),
        needs=("initialize",),
        rules=_rules,
    )
