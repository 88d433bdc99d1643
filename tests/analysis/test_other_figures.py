"""Figures of consistency, comparisons and labels show the numbers of their results."""

from __future__ import annotations

import json
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest

import capture
from capture.analysis import figures
from capture.analysis.comparison import diff
from capture.analysis.comparison.lookahead import LookAhead, Peek
from capture.analysis.comparison.result import Diff
from capture.analysis.comparison.warmup import WarmUp
from capture.analysis.consistency import ConsistencyReport, Finding, Severity, check
from capture.analysis.labels import forward_labels, triple_barrier
from capture.analysis.material import material_of
from capture.analysis.results import Result

pytestmark = pytest.mark.host

HOSTILE = "<b>x</b> & %{y}"


def bars(figure: Any, name: str | None = None) -> dict[str, Any]:
    """The bars of a horizontal chart, by label."""
    found = [one for one in figure.data if one.type == "bar" and name in (None, one.name)]
    return {label: value for one in found for label, value in zip(one.y, one.x, strict=True)}


def finding(name: str, severity: Severity, count: int) -> Finding:
    return Finding(
        check=name, severity=severity, message="m", mend="d", run_id="r", seqs=(1,), count=count
    )


def test_consistency_shows_how_many_events_each_check_objects_to():
    report = ConsistencyReport(
        is_consistent=False,
        issues=("x",),
        total_signals_checked=9,
        findings=(finding("conflicts", Severity.WARNING, 3), finding("a<b", Severity.ERROR, 2)),
        checks=("conflicts", "a<b", "duplicates"),
        skipped=MappingProxyType({"hash_mismatches": "left out"}),
    )
    drawn = report.plot()
    assert bars(drawn, "warning")["conflicts"] == 3
    assert bars(drawn, "error")["a&lt;b"] == 2
    states = {one.name: list(one.y) for one in drawn.data if one.type == "scatter"}
    assert states == {"nothing found": ["duplicates"], "not checked": ["hash_mismatches"]}


def test_a_sound_recording_has_a_dot_for_every_check(goog_recording):
    report = check(goog_recording)
    drawn = report.plot()
    sound = next(one for one in drawn.data if one.name == "nothing found")
    concerned = {one.check for one in report.findings}
    assert set(sound.y) == set(report.checks) - concerned


def test_a_diff_shows_its_counts_and_columns(goog_recording):
    same = diff(goog_recording, goog_recording)
    assert bars(same.plot())["the same"] == same.same == len(goog_recording.signals())
    given: dict[str, Any] = dict.fromkeys(("same", "only_a", "only_b", "beyond_b"), 0)
    given |= {"changed": 4, "beyond_a": 2, "by_column": {"strength": 1, "<i>": 3}}
    given |= {"first": None, "first_decision": None, "surroundings": {}, "tolerance": 0.0}
    other = Diff(a="A", b="B", columns_a=(), columns_b=(), **given)
    assert bars(other.plot()) == {
        "the same": 0,
        "changed": 4,
        "only in A": 0,
        "only in B": 0,
        "of A beyond B's data": 2,
        "differ in &lt;i&gt;": 3,
        "differ in strength": 1,
    }


def test_a_look_ahead_shows_the_indicators_that_peek():
    peek = Peek(
        strategy_id="s", indicator=HOSTILE, bars=7, cuts=2, time="t", end="e", seen=1.0, honest=2.0
    )
    found = LookAhead(
        peeks=(peek,),
        first_signal=None,
        signals_changed=3,
        signals_compared=9,
        indicators=2,
        cuts=("a",),
        problems=(),
    )
    drawn = bars(found.plot())
    assert drawn == {"signals": 3, "&lt;b&gt;x&lt;/b&gt; &amp; %&#123;y} of s": 7}


def test_a_warm_up_shows_the_bars_that_each_needs_and_what_never_settles():
    found = WarmUp(
        signal_bars=21,
        indicator_bars={"sma": 20, "ema": None},
        begins=15,
        signals_compared=9,
        signals_wrong=1,
        first_signal=None,
        closed_loop=False,
        cuts=("a",),
        problems=(),
        tolerance=1e-3,
    )
    drawn = found.plot()
    assert bars(drawn) == {"signals": 21, "sma": 20, "ema": 0}
    (never,) = [one for one in drawn.data if one.name == "never"]
    assert list(never.y) == ["ema"]
    assert drawn.layout.shapes[0].x0 == 15


def test_labels_are_drawn_as_they_are_counted_by_what_ended_them(eurusd_recording):
    labels = triple_barrier(material_of(eurusd_recording), profit=1.0, stop=1.0, max_bars=10)
    drawn = labels.plot()
    for one in drawn.data:
        word = one.name.removeprefix("ended by ")
        assert sum(one.y) == int((labels.ended_by == word).sum()) > 0
    assert sum(sum(one.y) for one in drawn.data) == len(labels.row)
    training = capture.SignalAnalyzer(eurusd_recording).to_training_set(max_bars=10)
    assert len(training.plot().data) == len(set(training.labels.ended_by))


def test_labels_without_any_are_an_empty_figure(make_bars, make_material):
    material = make_material([make_bars(range(1, 5))], bar_index=np.array([3]))
    assert [sum(one.y) for one in forward_labels(material, horizon_bars=9).plot().data] in ([], [0])


def concrete(kind: type[Any]) -> set[type[Any]]:
    """Every class of a result that is handed out: those with fields of their own."""
    below = {one for child in kind.__subclasses__() for one in concrete(child)}
    return below | ({kind} if "__dataclass_fields__" in vars(kind) else set())


def test_every_kind_of_result_has_a_figure(goog_recording):
    check(goog_recording).plot()  # imports every topic
    ours = {kind for kind in concrete(Result) if kind.__module__.startswith("capture.analysis.")}
    assert len(ours) > 12
    assert {kind.__name__ for kind in ours} - {kind.__name__ for kind in figures._FIGURES} == set()


def test_every_kind_of_result_has_a_frame_a_dict_a_text_and_a_notebook_form(goog_recording):
    analyzer = capture.SignalAnalyzer(goog_recording)
    quality = analyzer.analyze_signal_quality()
    results = [
        quality,
        *(getattr(quality, name) for name in ("forward", "decay", "by_reason", "activity")),
        analyzer.validate_signal_consistency(),
        analyzer.find_signal_patterns(slides=49),
        analyzer.to_training_set(),
        analyzer.to_training_set().labels,
        diff(goog_recording, goog_recording),
    ]
    for result in results:
        assert list(result.to_frame().columns)
        json.dumps(result.to_dict(), allow_nan=False, default=str)
        assert result.title in str(result)
        assert result._repr_html_().startswith("<h4>")
        polars = result.to_polars()
        assert (polars.columns, len(polars)) == (list(result.to_frame()), len(result.to_frame()))
