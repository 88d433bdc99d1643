"""Regime classifiers that come with the product: trend and volatility."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from capture import hookimpl
from capture.contracts.info import ClassifierInfo

if TYPE_CHECKING:
    from collections.abc import Iterator


def _trend() -> Any:
    from capture_regimes.trend import trend

    return trend


def _volatility() -> Any:
    from capture_regimes.volatility import volatility

    return volatility


@hookimpl
def register_classifiers() -> Iterator[ClassifierInfo]:
    """Offer the classifiers."""
    yield ClassifierInfo("trend", load=_trend, extra="regimes", summary="bull, bear or sideways")
    yield ClassifierInfo("volatility", load=_volatility, extra="regimes", summary="low to high")
