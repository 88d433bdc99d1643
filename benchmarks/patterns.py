"""Patterns: itemsets against mlxtend, the whole search, and how often noise is believed."""

from __future__ import annotations

from time import process_time
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from benchmarks.measuring import timed
from benchmarks.report import Figure, Report, Table
from capture.analysis.material import Bars, Material, SeriesKey
from capture.analysis.patterns import find
from capture.analysis.patterns.mining import frequent_itemsets

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmarks.sizes import Sizes

__all__ = ["run"]

_ATTRIBUTES: Final = 20
_BINS: Final = 3
_LONGEST: Final = 4
_SUPPORTS: Final = (0.1, 0.05, 0.02)
_COMPARED: Final = 0.05
_ALPHA: Final = 0.05
_BARS_PER_SIGNAL: Final = 3


def run(sizes: Sizes) -> Report:
    """Measure mining, searching, and the share of markets without a pattern that show one."""
    mining, faster = _mining(sizes.pattern_rows)
    searching = _searching(sizes.pattern_signals)
    alarms, false = _alarms(sizes.pattern_seeds)
    return Report("patterns", (mining, searching, alarms), (faster, false))


def _mining(rows: int) -> tuple[Table, Figure]:
    table = _attributes(rows)
    groups = np.repeat(np.arange(_ATTRIBUTES), _BINS)
    ours: dict[float, tuple[int, float]] = {}
    for support in _SUPPORTS:
        samples = []
        for _ in range(3):
            with timed() as watch:
                found = frequent_itemsets(table, support, max_length=_LONGEST, groups=groups)
            samples.append(watch.busy_seconds)
        ours[support] = len(found), min(samples)
    count, theirs = _of_mlxtend(table)
    told = [("packed bits", support, n, taken) for support, (n, taken) in ours.items()]
    told.append(("mlxtend fpgrowth", _COMPARED, count, theirs))
    times = theirs / ours[_COMPARED][1]
    figure = Figure(
        quantity=f"frequent itemsets of {rows:,} rows at {_COMPARED:g}, time of mlxtend's fpgrowth",
        measured=100 / times,
        goal=2.0,
        unit="%",
        note=f"{times:,.0f} times faster, {'the same' if count == ours[_COMPARED][0] else 'OTHER'} "
        "count of itemsets",
    )
    title = f"Frequent itemsets: {rows:,} rows, {_ATTRIBUTES} attributes in {_BINS} bins"
    notes = (
        f"Up to {_LONGEST} items. Time of the processor; packed bits: minimum of 3, mlxtend: once.",
    )
    return Table(title, ("way", "support", "itemsets", "s"), tuple(told), notes), figure


def _of_mlxtend(table: NDArray[np.bool_]) -> tuple[int, float]:
    from mlxtend.frequent_patterns import fpgrowth

    frame = pd.DataFrame(table)
    started = process_time()
    found = fpgrowth(frame, min_support=_COMPARED, max_len=_LONGEST)
    return len(found), process_time() - started


def _searching(signals: int) -> Table:
    rows = []
    for count in (signals // 10, signals):
        material = _noise(0, count)
        with timed() as watch:
            found = find(material, alpha=_ALPHA)
        rows.append((found.signals, found.tried, found.slides, watch.busy_seconds))
    return Table(
        "The whole search for patterns",
        ("signals searched", "patterns tried", "slides", "s"),
        tuple(rows),
        ("Time of the processor: context, mining, the test against slid-along markets, report.",),
    )


def _alarms(seeds: int) -> tuple[Table, Figure]:
    reports = [find(_noise(seed, 400), alpha=_ALPHA, slides=199) for seed in range(seeds)]
    any_of = float(np.mean([bool(one.patterns) for one in reports])) * 100
    clear = float(np.mean([bool(one.patterns or one.contradicted) for one in reports])) * 100
    tried = int(np.mean([one.tried for one in reports]))
    figure = Figure(
        quantity="markets without a pattern in which any is reported",
        measured=any_of,
        goal=_ALPHA * 100,
        unit="%",
        note=f"{seeds} seeds, about {tried:,} patterns tried in each",
    )
    table = Table(
        "Patterns found where there are none",
        ("seeds", "patterns tried", "any clear, %", "any reported, %", "alpha, %"),
        ((seeds, tried, clear, any_of, _ALPHA * 100),),
        (
            "Fat tails, volatility in clusters, drift, indicators that last, overlapping returns. "
            "Clear is before the later signals were asked.",
        ),
    )
    return table, figure


def _attributes(rows: int) -> NDArray[np.bool_]:
    """Return attributes in bins that have something to do with one another."""
    random = np.random.default_rng(0)
    common = random.integers(0, _BINS, rows)
    columns = []
    for _ in range(_ATTRIBUTES):
        level = np.where(random.random(rows) < 0.3, common, random.integers(0, _BINS, rows))
        columns += [level == number for number in range(_BINS)]
    return np.ascontiguousarray(np.array(columns).T)


def _noise(seed: int, signals: int) -> Material:
    random = np.random.default_rng(seed)
    bars = signals * _BARS_PER_SIGNAL
    calm = np.clip(np.exp(np.cumsum(random.normal(0, 0.05, bars)) * 0.3), 0.3, 3)
    close = 100 * np.exp(np.cumsum(random.standard_t(4, bars) * 0.001 * calm + 1e-5))
    columns: dict[str, Any] = {"open": np.concatenate(([100.0], close[:-1])), "close": close}
    columns["volume"] = random.gamma(3.0, 100.0, bars)
    at = np.sort(random.choice(bars, signals, replace=False))
    frame = pd.DataFrame(
        {
            "run_id": "run",
            "timestamp": pd.to_datetime(at * 3600, unit="s", utc=True),
            "strategy_id": "noise",
            "symbol": "NOISE",
            "timeframe": "1h",
            "bar_index": at,
            "direction": random.choice([-1, 1], signals),
            "regime": np.array(["bull", "bear", "side"], object)[at // 50 % 3],
        }
    )
    for number in range(3):
        steps = pd.Series(random.normal(size=bars))
        frame[f"indicator_x{number}"] = steps.ewm(alpha=0.03).mean().to_numpy()[at]
    labels = np.arange(bars, dtype=np.int64) * 3600 * 10**9
    return Material(frame, {SeriesKey("run", "NOISE", "1h"): Bars("NOISE", "1h", labels, columns)})
