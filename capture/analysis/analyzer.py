"""The face of all analyses: choose signals once, then ask several things of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from capture.analysis.material import Material, material_of
from capture.spans import first_moment, last_moment

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

    from capture.analysis.forward import ForwardReturns
    from capture.analysis.labels_training import TrainingSet
    from capture.analysis.quality import SignalQualityReport
    from capture.spans import Moment
    from capture.store.recording import Conditions

__all__ = ["SignalAnalyzer"]


class SignalAnalyzer:
    """Analyses the signals of a recording, of a store, or of whatever a backend holds.

    Until `load_signals` chose some of them, every question is about all signals. Forward returns
    need bars, so they need recordings: of a backend or a frame alone, only the signals are known.

    Args:
        source: a `Recording` or a list of them, a `Store`, a storage backend, or a frame.

    Example:
        ```python
        analyzer = capture.SignalAnalyzer(capture.open("signals"))
        analyzer.load_signals("2010-01-01", "2012-12-31", symbols=["GOOG"])
        print(analyzer.analyze_signal_quality())
        ```
    """

    def __init__(self, source: Any) -> None:
        """Remember the source; nothing is read before it is asked for."""
        self._source = source
        self._material: Material | None = None

    @property
    def material(self) -> Material:
        """The chosen signals, and the bars that they refer to."""
        if self._material is None:
            self._material = material_of(self._source)
        return self._material

    def load_signals(
        self,
        start_date: Moment | None = None,
        end_date: Moment | None = None,
        symbols: Iterable[str] | None = None,
        strategies: Iterable[str] | None = None,
        regime: str | Iterable[str] | None = None,
        where: Conditions = (),
    ) -> pd.DataFrame:
        """Choose the signals that are analysed from now on, and return them.

        Args:
            start_date: leave out earlier signals; without a time zone it is UTC.
            end_date: leave out later signals; a day, month or year is included whole.
            symbols: only these.
            strategies: only those of these.
            regime: only those of this regime, or of these.
            where: further conditions, as `Recording.signals` takes them.
        """
        self._material = material_of(
            self._source,
            start=None if start_date is None else first_moment("start_date", start_date),
            end=None if end_date is None else last_moment("end_date", end_date),
            symbols=None if symbols is None else _listed(symbols),
            strategies=None if strategies is None else _listed(strategies),
            regime=regime if regime is None else _listed(regime),
            where=where,
        )
        return self._material.signals

    def analyze_signal_quality(self, **options: Any) -> SignalQualityReport:
        """Return how good the signals are.

        Args:
            options: `horizons`, `entry` and `confidence`, as `signal_quality` takes them.
        """
        from capture.analysis.quality import signal_quality

        return signal_quality(self.material, **options)

    def validate_signal_consistency(self, **options: Any) -> Any:
        """Return what is wrong with the signals, if anything."""
        from capture.analysis.consistency import check

        return check(self.material, **options)

    def find_signal_patterns(self, min_support: float = 0.05, **options: Any) -> Any:
        """Return what signals that did well, or badly, have in common.

        Args:
            min_support: a pattern holds for at least this share of the signals.
            options: as `capture.analysis.patterns.find` takes them.
        """
        from capture.analysis.patterns import find

        return find(self.material, min_support=min_support, **options)

    def forward_returns(self, **options: Any) -> ForwardReturns:
        """Return what the market did after each signal, as arrays.

        Args:
            options: `horizons`, `entry` and `excursions`.
        """
        from capture.analysis.forward import forward_returns

        return forward_returns(self.material, **options)

    def to_training_set(self, **options: Any) -> TrainingSet:
        """Return what was known at each signal, with a label, its span in time and its weight.

        Args:
            options: as `training_set` takes them.
        """
        from capture.analysis.labels_training import training_set

        return training_set(self.material, **options)

    def to_factor_frame(self, **options: Any) -> pd.DataFrame:
        """Return the signals as the factor data that alphalens works on.

        Args:
            options: `horizons` and `entry`.
        """
        from capture.analysis.quality_frames import factor_frame

        return factor_frame(self.material, **options)

    def to_returns(self, **account: Any) -> pd.Series[float]:
        """Return what an account earned each day, as quantstats reads it.

        Args:
            account: of several accounts which: `run_id`, `part`, `strategy_id`, `symbol`.
        """
        from capture.analysis.quality_frames import daily_returns

        return daily_returns(self.material, **account)

    def run(self, name: str, **options: Any) -> Any:
        """Return what an analysis from a plugin says of the signals.

        Args:
            name: the name it is registered under.
            options: whatever it takes.
        """
        from capture.host import get_host

        return get_host().analysis(name)(self.material, **options)


def _listed(words: str | Iterable[str]) -> list[str]:
    return [words] if isinstance(words, str) else list(words)
