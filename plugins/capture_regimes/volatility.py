"""The volatility: low, normal or high, by the spread of recent returns against the usual one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from capture.contracts.classifier import Classification
from capture.errors import ConfigError
from capture_regimes.rolling import rolling_std

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = ["Volatility", "volatility"]


@dataclass(frozen=True)
class Volatility:
    """Answers `low`, `normal`, `high`, or `unknown` while there are too few bars.

    Attributes:
        window_bars: bars whose log returns are recent.
        usual_bars: bars whose log returns tell what is usual.
        low: the volatility is low below this share of the usual one.
        high: it is high above this multiple of the usual one.
    """

    window_bars: int = 20
    usual_bars: int = 100
    low: float = 0.75
    high: float = 1.5

    def __post_init__(self) -> None:
        """Refuse windows and bounds that cannot work."""
        if not 1 < self.window_bars < self.usual_bars:
            raise ConfigError(
                "window_bars", self.window_bars, f"must be from 2 to below {self.usual_bars}"
            )
        if not 0 < self.low < 1 < self.high:
            raise ConfigError(
                "low", self.low, f"must be between 0 and 1, and high={self.high} above 1"
            )

    @property
    def lookback_bars(self) -> int:
        """How many bars, the present one included, the features of a bar depend on."""
        return self.usual_bars + 1

    def features_of(
        self, bars: Mapping[str, NDArray[np.float64]]
    ) -> dict[str, NDArray[np.float64]]:
        """Return the recent volatility as a multiple of the usual one, by bar."""
        close = bars["close"]
        returns = np.full(len(close), np.nan)
        with np.errstate(divide="ignore", invalid="ignore"):
            returns[1:] = np.log(close[1:] / close[:-1])
            usual = rolling_std(returns, self.usual_bars)
            return {"ratio": rolling_std(returns, self.window_bars) / usual}

    def __call__(self, features: Mapping[str, float]) -> Classification:
        """Return the volatility that the ratio tells."""
        ratio = features["ratio"]
        if not np.isfinite(ratio):
            return Classification("unknown")
        if ratio < self.low:
            return Classification("low", min(1.0, max(0.0, 1.0 - ratio / self.low)))
        if ratio > self.high:
            return Classification("high", min(1.0, 1.0 - self.high / ratio))
        return Classification("normal", self._sure_of_normal(ratio))

    def _sure_of_normal(self, ratio: float) -> float:
        edge = self.low if ratio < 1.0 else self.high
        return 1.0 - abs(ratio - 1.0) / abs(edge - 1.0)

    def series(
        self, features: Mapping[str, NDArray[np.float64]]
    ) -> tuple[NDArray[np.object_], NDArray[np.float64]]:
        """Return state and confidence of every bar."""
        known = np.isfinite(features["ratio"])
        ratio = np.where(known, features["ratio"], 1.0)
        low, high = ratio < self.low, ratio > self.high
        edge = np.where(ratio < 1.0, self.low, self.high)
        normal = 1.0 - np.abs(ratio - 1.0) / np.abs(edge - 1.0)
        with np.errstate(divide="ignore"):
            above = np.minimum(1.0, 1.0 - self.high / ratio)
        below = np.minimum(1.0, np.maximum(0.0, 1.0 - ratio / self.low))
        states = np.where(low, "low", np.where(high, "high", "normal"))
        sure = np.where(low, below, np.where(high, above, normal))
        return np.where(known, states, "unknown").astype(object), np.where(known, sure, np.nan)


volatility = Volatility()
