"""The trend: bull, bear or sideways, by the distance of two moving averages of the close."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from capture.contracts.classifier import Classification
from capture.errors import ConfigError
from capture_regimes.rolling import rolling_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = ["Trend", "trend"]


@dataclass(frozen=True)
class Trend:
    """Answers `bull`, `bear`, `sideways`, or `unknown` while the averages warm up.

    Attributes:
        fast_bars: window of the fast average.
        slow_bars: window of the slow average.
        sideways_pct: below this distance, in percent of the slow average, there is no trend.
        sure_pct: from this distance on it is sure of a trend.
    """

    fast_bars: int = 20
    slow_bars: int = 50
    sideways_pct: float = 0.5
    sure_pct: float = 5.0

    def __post_init__(self) -> None:
        """Refuse windows and distances that cannot work."""
        if not 0 < self.fast_bars < self.slow_bars:
            raise ConfigError(
                "fast_bars", self.fast_bars, f"must be between 0 and slow_bars={self.slow_bars}"
            )
        if not 0 <= self.sideways_pct < self.sure_pct:
            raise ConfigError(
                "sideways_pct", self.sideways_pct, f"must be from 0 to below {self.sure_pct}"
            )

    @property
    def lookback_bars(self) -> int:
        """How many bars, the present one included, the features of a bar depend on."""
        return self.slow_bars

    def features_of(
        self, bars: Mapping[str, NDArray[np.float64]]
    ) -> dict[str, NDArray[np.float64]]:
        """Return the distance of the averages in percent of the slow one, by bar."""
        close = bars["close"]
        slow = rolling_mean(close, self.slow_bars)
        with np.errstate(divide="ignore", invalid="ignore"):
            return {"distance_pct": (rolling_mean(close, self.fast_bars) / slow - 1.0) * 100.0}

    def __call__(self, features: Mapping[str, float]) -> Classification:
        """Return the trend that the distance tells."""
        distance = features["distance_pct"]
        if not np.isfinite(distance):
            return Classification("unknown")
        size = abs(distance)
        if size <= self.sideways_pct:
            sure = 1.0 - size / self.sideways_pct if self.sideways_pct else 1.0
            return Classification("sideways", sure)
        sure = (size - self.sideways_pct) / (self.sure_pct - self.sideways_pct)
        return Classification("bull" if distance > 0 else "bear", min(1.0, sure))

    def series(
        self, features: Mapping[str, NDArray[np.float64]]
    ) -> tuple[NDArray[np.object_], NDArray[np.float64]]:
        """Return state and confidence of every bar."""
        distance = features["distance_pct"]
        known = np.isfinite(distance)
        size = np.abs(np.where(known, distance, 0.0))
        flat = size <= self.sideways_pct
        away = (size - self.sideways_pct) / (self.sure_pct - self.sideways_pct)
        near = 1.0 - size / self.sideways_pct if self.sideways_pct else np.ones(len(size))
        states = np.where(flat, "sideways", np.where(distance > 0, "bull", "bear"))
        sure = np.where(flat, near, np.minimum(1.0, away))
        return np.where(known, states, "unknown").astype(object), np.where(known, sure, np.nan)


trend = Trend()
