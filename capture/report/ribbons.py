"""What classifiers said over time, as stretches of one state each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from capture.report.model import Ribbon
from capture.report.thinning import stretches

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pandas as pd
    from numpy.typing import NDArray

    from capture.report.axis import Axis

    Reals = NDArray[np.float64]

__all__ = ["ribbons_of"]

_STRETCHES: Final = 300


def ribbons_of(
    regimes: pd.DataFrame, part: int, symbol: str, axis: Axis, signals: pd.DataFrame, x: Reals
) -> Iterator[Ribbon]:
    """Yield what classifiers said; without recorded changes, what the signals carried.

    Args:
        regimes: the changes that were recorded.
        part: part of the run.
        symbol: instrument.
        axis: where its bars stand.
        signals: the signals.
        x: where they stand.
    """
    end = float(axis.bars[-1]) if len(axis.bars) else float(np.nanmax(x, initial=-np.inf))
    mine = _changes(regimes, part, symbol)
    for classifier, changes in mine.items():
        starts = axis.of_events(changes)
        keep = np.isfinite(starts)
        order = np.argsort(starts[keep], kind="stable")
        states = changes["new"].astype(str).to_numpy()[keep][order].tolist()
        made, merged = stretches(starts[keep][order], states, end, _STRETCHES)
        if made:
            yield Ribbon(classifier, made, merged)
    if not mine and "regime" in signals:
        known = signals["regime"].notna().to_numpy() & np.isfinite(x)
        states = signals["regime"][known].astype(str).tolist()
        made, merged = stretches(x[known], states, end, _STRETCHES)
        if made:
            yield Ribbon("regime", made, merged)


def _changes(regimes: pd.DataFrame, part: int, symbol: str) -> Mapping[str, pd.DataFrame]:
    if regimes.empty:
        return {}
    ours = (regimes["part"] == part) & (regimes["symbol"].isna() | (regimes["symbol"] == symbol))
    found = regimes[ours & regimes["classifier"].notna() & regimes["new"].notna()]
    return {str(name): rows for name, rows in found.groupby("classifier", sort=False)}
