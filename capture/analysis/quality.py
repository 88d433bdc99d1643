"""How good signals are: how many, how strong, what they earned, and what the refused ones would."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from capture.analysis.forward import HORIZONS
from capture.analysis.inference import CONFIDENCE
from capture.analysis.quality_activity import activity_of, frequency_of
from capture.analysis.quality_counts import Activity, Frequency, StrengthBin, Strengths
from capture.analysis.quality_decay import decay_of
from capture.analysis.quality_forward import earned
from capture.analysis.quality_tables import (
    Contrast,
    Decay,
    ForwardTable,
    Information,
    Split,
)
from capture.analysis.results import Result
from capture.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from capture.analysis.forward import Entry
    from capture.analysis.material import Material

__all__ = ["SignalQualityReport", "signal_quality"]

_COUNTS: Final = {"bars": "horizon_bars", "signals": "signals", "left out": "dropped"}
_SHARES: Final = {
    "mean": "mean",
    "from": "low",
    "to": "high",
    "usual": "usual",
    "hit rate": "hit_rate",
    "MFE": "favourable",
    "MAE": "adverse",
}
_COEFFICIENTS: Final = {"IC": "ic", "rank IC": "rank_ic"}
"""The columns that are shown, and those of the frame that they come from."""

_BINS: Final = 20
_MOST_LAGS: Final = 60


@dataclass(frozen=True)
class SignalQualityReport(Result):
    """Everything that is said of the quality of signals.

    Attributes:
        total_signals: how many there are.
        avg_signals_per_day: signals per day that has bars.
        direction_distribution: how many are "long", "short" and "flat".
        strength_statistics: count, missing, mean, std, min, quartiles and max of the strength.
        regime_distribution: how many were given in each regime; "(none)" where it is not known.
        strengths: the distribution of strength in bins.
        frequency: how often signals come, by symbol.
        forward: what they earned, by horizon.
        information: how strength goes together with the return, by horizon.
        decay: how what they know fades.
        by_direction: what the long ones and the short ones earned.
        by_regime: what those of each regime earned.
        by_symbol: what those on each symbol earned.
        by_strategy: what those of each strategy earned.
        by_disposition: what they earned, by what became of them.
        by_reason: the same by the reason of that.
        taken_against_refused: what the refusals cost, or saved.
        activity: turnover and time in the market of whole runs.
    """

    title = "Signal quality"

    total_signals: int
    avg_signals_per_day: float
    direction_distribution: Mapping[str, int]
    strength_statistics: Mapping[str, float]
    regime_distribution: Mapping[str, int]
    strengths: Strengths
    frequency: Frequency
    forward: ForwardTable
    information: Information
    decay: Decay
    by_direction: Split
    by_regime: Split
    by_symbol: Split
    by_strategy: Split
    by_disposition: Split
    by_reason: Split
    taken_against_refused: Contrast
    activity: Activity

    def to_frame(self) -> pd.DataFrame:
        """Return what the signals earned, with the information coefficient beside it."""
        forward, information = self.forward.to_frame(), self.information.to_frame()
        return forward.merge(
            information.drop(columns=["signals", "windows"]), on="horizon_bars", how="left"
        )

    def shown(self) -> pd.DataFrame:
        """Return of that what fits on a line: returns as percentages, without their errors."""
        frame = self.to_frame()
        shares = {name: frame[column].map(_percent) for name, column in _SHARES.items()}
        counts = {name: frame[column] for name, column in _COUNTS.items()}
        knew = {name: frame[column].map(_coefficient) for name, column in _COEFFICIENTS.items()}
        return pd.DataFrame({**counts, **shares, **knew})

    def summary(self) -> str:
        """Say the counts, and what the tables come to."""
        words = ", ".join(f"{n} {word}" for word, n in self.direction_distribution.items())
        lines = [f"{self.total_signals} signals, {self.avg_signals_per_day:.3g} a day: {words}"]
        lines += [self.forward.summary(), self.decay.summary()]
        return "\n".join([*lines, self.taken_against_refused.summary()])


def signal_quality(
    material: Material,
    *,
    horizons: Iterable[int] = HORIZONS,
    entry: Entry | None = None,
    confidence: float = CONFIDENCE,
) -> SignalQualityReport:
    """Return how good signals are.

    Args:
        material: signals and the bars that they refer to.
        horizons: over how many bars returns are measured.
        entry: "next_open" enters at the open of the bar after the signal's, "close" at the close of
            the signal's bar; by default at the open, or at the close where no bars have an open.
        confidence: of every interval.
    """
    if not 0 < confidence < 1:
        raise ConfigError("confidence", confidence, "give a share between 0 and 1, such as 0.95")
    returns = earned(material, horizons, entry, confidence)
    frequency, per_day = frequency_of(material)
    signs = returns.forward.direction
    statistics, strengths = _strength(material.signals)
    return SignalQualityReport(
        total_signals=len(material.signals),
        avg_signals_per_day=per_day,
        direction_distribution={
            word: int((signs == sign).sum())
            for word, sign in (("long", 1), ("short", -1), ("flat", 0))
        },
        strength_statistics=statistics,
        regime_distribution=_regimes(material.signals),
        strengths=strengths,
        frequency=frequency,
        forward=returns.by_horizon(),
        information=returns.information(),
        decay=decay_of(returns, min(returns.forward.horizons[-1], _MOST_LAGS)),
        by_direction=returns.split("direction"),
        by_regime=returns.split("regime"),
        by_symbol=returns.split("symbol"),
        by_strategy=returns.split("strategy", "strategy_id"),
        by_disposition=returns.split("disposition"),
        by_reason=returns.split("reason"),
        taken_against_refused=returns.taken_against_refused(),
        activity=activity_of(material),
    )


def _percent(share: float) -> str:
    return "" if np.isnan(share) else f"{share:.2%}"


def _coefficient(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.3f}"


def _strength(signals: pd.DataFrame) -> tuple[dict[str, float], Strengths]:
    """Return the statistics of strength, and its distribution."""
    if "strength" in signals:
        given = signals["strength"].to_numpy(np.float64, na_value=np.nan)
    else:
        given = np.full(len(signals), np.nan)
    known = given[np.isfinite(given)]
    said: dict[str, float] = {"count": len(known), "missing": len(given) - len(known)}
    names = ("mean", "std", "min", "25%", "50%", "75%", "max")
    if not len(known):
        return said | dict.fromkeys(names, np.nan), Strengths(())
    std = float(known.std(ddof=1)) if len(known) > 1 else np.nan
    quarters = np.quantile(known, [0, 0.25, 0.5, 0.75, 1]).tolist()
    counts, edges = np.histogram(known, bins=_BINS)
    bins = zip(edges[:-1].tolist(), edges[1:].tolist(), counts.tolist(), strict=True)
    said |= dict(zip(names, (float(known.mean()), std, *quarters), strict=True))
    return said, Strengths(tuple(StrengthBin(*one) for one in bins))


def _regimes(signals: pd.DataFrame) -> dict[str, int]:
    """Return how many signals there are in each regime; nothing if no regime is known at all."""
    if "regime" not in signals or signals["regime"].isna().all():
        return {}
    counts = signals["regime"].fillna("(none)").value_counts()
    return {str(name): int(number) for name, number in counts.items()}
