"""Signal Capture for bt: an unmodified strategy, recorded by one line."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from capture import hookimpl
from capture.contracts.info import AdapterInfo

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from capture.contracts.fill_rules import FillRules


def _accepts(strategy: object) -> bool:
    """Return whether it is a strategy of bt, which then is imported already."""
    host = sys.modules.get("bt.core")
    return host is not None and isinstance(strategy, host.StrategyBase)


def _load() -> Any:
    from capture_bt.adapter import BtAdapter

    return BtAdapter()


def _rules(settings: Mapping[str, Any]) -> FillRules | None:
    from capture_bt.fill_rules import rules

    return rules(settings)


@hookimpl
def register_adapters() -> Iterator[AdapterInfo]:
    """Offer the adapter."""
    yield AdapterInfo(
        "bt",
        load=_load,
        extra="bt",
        requires=("bt",),
        summary="bt strategies, which are trees of algos",
        accepts=_accepts,
        rules=_rules,
    )
