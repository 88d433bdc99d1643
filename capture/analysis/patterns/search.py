"""How to look for patterns."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

from capture.analysis.forward import checked_entry, checked_horizons
from capture.errors import ConfigError

if TYPE_CHECKING:
    from capture.analysis.forward import Entry

__all__ = ["Search"]


@dataclass(frozen=True, kw_only=True)
class Search:
    """What `find` may be told.

    Attributes:
        min_support: a pattern holds for at least this share of the signals.
        horizon_bars: the outcome is the return over so many bars.
        entry: where it begins: "next_open" or "close"; by default as for forward returns.
        alpha: chance of reporting any pattern where there is none.
        holdout: share of the signals, the last in time, that are not searched and only confirm.
        bins: into so many equally full bins each quantity is cut.
        max_length: the most statements in a pattern.
        lookback: how many signals before one are looked at.
        max_patterns: the most patterns to test, those that hold most often first.
        slides: how many slid-along markets to hold the patterns against.
        seed: of the choice of these.
    """

    min_support: float = 0.05
    horizon_bars: int = 5
    entry: Entry | None = None
    alpha: float = 0.05
    holdout: float = 0.3
    bins: int = 3
    max_length: int = 2
    lookback: int = 2
    max_patterns: int = 5000
    slides: int = 499
    seed: int = 0

    def __post_init__(self) -> None:
        """Raise ConfigError for a value that cannot be."""
        checked_horizons([self.horizon_bars])
        checked_entry(self.entry)
        for name in ("min_support", "alpha", "holdout"):
            share = getattr(self, name)
            if not (0 < share < 1 or (name == "holdout" and share == 0)):
                raise ConfigError(name, share, "give a share between 0 and 1")
        least = {"bins": 2, "max_length": 1, "lookback": 0, "max_patterns": 1}
        least["slides"] = ceil(1 / self.alpha)  # with fewer, nothing is ever so rare as alpha
        for name, fewest in least.items():
            number = getattr(self, name)
            if isinstance(number, bool) or not isinstance(number, int) or number < fewest:
                raise ConfigError(name, number, f"give a whole number, {fewest} or more")
