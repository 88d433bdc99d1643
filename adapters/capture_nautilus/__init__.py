"""Signal Capture for NautilusTrader: an unmodified strategy, recorded by one line."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from capture import hookimpl
from capture.contracts.info import AdapterInfo

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from capture.contracts.fill_rules import FillRules


def _accepts(strategy: object) -> bool:
    """Return whether it is a strategy class of NautilusTrader, which then is imported already."""
    host = sys.modules.get("nautilus_trader.trading.strategy")
    return host is not None and isinstance(strategy, type) and issubclass(strategy, host.Strategy)


def _load() -> Any:
    from capture_nautilus.adapter import NautilusAdapter

    return NautilusAdapter()


def _rules(settings: Mapping[str, Any]) -> FillRules | None:
    from capture_nautilus.fill_rules import rules

    return rules(settings)


@hookimpl
def register_adapters() -> Iterator[AdapterInfo]:
    """Offer the adapter."""
    yield AdapterInfo(
        "nautilus",
        load=_load,
        extra="nautilus",
        requires=("nautilus_trader",),
        summary="NautilusTrader strategies",
        accepts=_accepts,
        rules=_rules,
    )
