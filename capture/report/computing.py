"""From a recording to everything that its report shows."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from capture.analysis.analyzer import SignalAnalyzer
from capture.analysis.forward import HORIZONS
from capture.report.fates import activity_of, fates_of, histogram_of
from capture.report.findings import facts_of, points_of
from capture.report.model import Report
from capture.report.provenance import provenance_of
from capture.report.timelines import timelines_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from capture.analysis.consistency import ConsistencyReport
    from capture.analysis.quality import SignalQualityReport
    from capture.analysis.selection.report import SelectionReport
    from capture.store.recording import Recording

__all__ = ["HORIZON", "compute"]

HORIZON: Final = 5
"""Bars over which those figures look that have only one horizon; chosen before seeing any data."""


def compute(
    recording: Recording,
    start: Any = None,
    end: Any = None,
    symbols: Iterable[str] | None = None,
    strategies: Iterable[str] | None = None,
    regime: str | Iterable[str] | None = None,
    *,
    hashes: bool = True,
) -> Report:
    """Return what there is to say of a run.

    Args:
        recording: the run.
        start: leave out earlier signals.
        end: leave out later signals.
        symbols: only signals on these.
        strategies: only signals of these.
        regime: only signals of these regimes.
        hashes: also check that every byte is what was recorded.
    """
    filters = {"start_date": start, "end_date": end, "symbols": symbols}
    filters |= {"strategies": strategies, "regime": regime}
    analyzer, consistency, repeated = _read(recording, filters, hashes)
    material = analyzer.material
    quality = analyzer.analyze_signal_quality(horizons=HORIZONS)
    patterns = analyzer.find_signal_patterns(horizon_bars=HORIZON) if _directed(quality) else None
    selection = _selection(recording)
    best = () if selection is None else [row.part for row in selection.rows]
    timelines, left = timelines_of(material, best)
    forward = analyzer.forward_returns(horizons=[HORIZON])
    asked = {name: value for name, value in filters.items() if value}
    found = Report(
        run_id=recording.run_id,
        strategy=str(recording.manifest.get("strategy") or "signals"),
        points=(),
        timelines=timelines,
        timelines_left=left,
        fates=fates_of(material.signals),
        activity=activity_of(material.signals),
        quality=quality,
        returns=histogram_of(material.signals, forward, HORIZON),
        patterns=patterns,
        consistency=consistency,
        selection=selection,
        provenance=provenance_of(recording, asked),
        facts=(),
        horizon_bars=HORIZON,
        state=recording.state,
        kind=recording.kind,
        **_events(recording),
        siblings=_siblings(recording),
        repeated=repeated,
        closed_loop=_closed_loop(recording),
    )
    return replace(found, points=points_of(found), facts=facts_of(found))


def _read(
    recording: Recording, filters: dict[str, Any], hashes: bool
) -> tuple[SignalAnalyzer, ConsistencyReport, int]:
    """Choose the signals; repeated parts are checked like all others, and then left out."""
    analyzer = SignalAnalyzer(recording)
    analyzer.load_signals(**filters)
    consistency = analyzer.validate_signal_consistency(hashes=hashes)
    parts = _parts(recording)
    repeated = len(recording.parts) - len(parts)
    if repeated:
        analyzer.load_signals(**filters, where=[("part", "in", parts)])
    return analyzer, consistency, repeated


def _parts(recording: Recording) -> list[int]:
    """Return the numbers of the parts, without those that repeat another one's parameters."""
    kept: dict[str, int] = {}
    for part in recording.parts:
        names = ("strategy_id", "params")
        ran = [{name: segment[name] for name in names} for segment in part.segments]
        data = [ref["fingerprint"] for ref in part.base]
        # A part without a signal has no segments, and is told from others by its number alone.
        key = json.dumps([ran, data] if ran else part.number, sort_keys=True, default=str)
        kept.setdefault(key, part.number)
    return list(kept.values())


def _directed(quality: SignalQualityReport) -> bool:
    """Return whether any signal has a direction and a known return."""
    return any(row.signals for row in quality.forward.rows)


def _selection(recording: Recording) -> SelectionReport | None:
    """Return what the best of several trials is worth; None if there is only one."""
    if len(recording.parts) < 2:
        return None
    from capture.analysis.selection import judge

    found = judge(recording)
    return found if found.trials > 1 else None


def _events(recording: Recording) -> dict[str, int]:
    said = [(part.record or {}).get("statistics") or {} for part in recording.parts]
    names = ("dropped", "quarantined")
    return {name: sum(int(one.get(name) or 0) for one in said) for name in names}


def _siblings(recording: Recording) -> int:
    """Return how many other captured runs of the strategy the store has."""
    strategy = recording.manifest.get("strategy")
    return sum(
        row["strategy"] == strategy and row["kind"] == "capture"
        for row in recording.store.summaries()
        if row["run_id"] != recording.run_id
    )


def _closed_loop(recording: Recording) -> bool:
    flags = [recording.manifest.get("flags") or {}]
    flags += [(part.record or {}).get("flags") or {} for part in recording.parts]
    return any(one.get("closed_loop") for one in flags)
