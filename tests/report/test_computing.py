"""What a report says is what the tables of the recording say."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

import capture
from capture.report import compute
from capture.report.model import Side, Tone
from tests.report.recordings import Never, by_hand, ran, replayed, tuned

pytestmark = pytest.mark.host

TAKEN = {"executed", "partially_filled"}


@pytest.fixture(scope="module")
def report(busy):
    return compute(busy)


def test_the_waterfall_counts_every_signal_once(report, busy):
    signals = busy.signals()
    ends = Counter(zip(signals["disposition"], signals["reason"], strict=True))
    refused = {key: count for key, count in ends.items() if key[0] not in TAKEN}
    assert {(what, why): count for what, why, count in report.fates.steps} == refused
    assert report.fates.taken + sum(refused.values()) == report.fates.total == len(signals)
    by_direction = {word: sum(sides.values()) for word, sides in report.fates.by_direction.items()}
    counted = signals["direction"].value_counts()
    assert by_direction == {"long": counted[1], "short": counted[-1], "flat": counted[0]}


def test_marks_stand_at_the_close_of_their_bars(report, busy):
    (line,) = report.timelines
    signals, bars = busy.signals(), busy.bars()
    of_seq = signals.set_index("seq")
    drawn = 0
    for mark in line.marks:
        mine = of_seq.loc[mark.seqs]
        at = bars.iloc[mine["bar_index"].to_numpy(int)]
        assert np.array_equal(mark.y, at["close"].to_numpy(float))
        assert np.array_equal(
            mark.x, at["timestamp"].dt.as_unit("ns").astype("int64").to_numpy() / 1e6
        )
        assert (mine["direction"] == mark.direction).all()
        assert (mine["disposition"].isin(TAKEN) == (mark.side is Side.TAKEN)).all()
        why = [f"{a}: {b}" for a, b in zip(mine["disposition"], mine["reason"], strict=True)]
        assert [mark.reasons[code] for code in mark.why] == why
        drawn += len(mark.x)
    assert drawn == len(signals)


def test_the_account_is_what_a_loop_over_its_equity_finds(report, busy):
    (line,) = report.timelines
    equity = busy.equity()["equity"].tolist()
    highest, worst = equity[0], 0.0
    for worth in equity:
        highest = max(highest, worth)
        worst = min(worst, worth / highest - 1)
    assert line.account.worst_drawdown == pytest.approx(worst)
    assert line.account.total_return == pytest.approx(equity[-1] / equity[0] - 1)
    held = busy.equity()["position"]
    assert line.account.time_in_market == pytest.approx((held != 0).mean())
    assert line.drawdown.y.min() == pytest.approx(worst)


def test_ribbons_are_the_states_at_every_bar(report, busy):
    from capture.index.recorded import change_series

    bars = busy.bars()
    when = bars["timestamp"].dt.as_unit("ns").astype("int64").to_numpy() / 1e6
    expected = {one.name: one.content for one in change_series(busy)}
    for ribbon in report.timelines[0].ribbons:
        assert not ribbon.merged
        states = expected[ribbon.classifier].states(0, len(bars))
        for one in ribbon.stretches:
            inside = (when >= one.start) & (when < one.end)
            assert set(np.asarray(states)[inside].tolist()) == {one.state}


def test_the_histogram_has_every_known_return_once(report, busy):
    forward = capture.SignalAnalyzer(busy).forward_returns(horizons=[5])
    known = int(np.isfinite(forward.signed(5)).sum())
    assert sum(int(counts.sum()) for counts in report.returns.counts.values()) == known
    reach = report.returns.edges[-1]
    assert report.returns.beyond == int((np.abs(forward.signed(5)) > reach).sum())


def test_findings_begin_with_what_casts_doubt_and_say_the_numbers(report):
    tones = [point.tone for point in report.points]
    assert tones == sorted(tones, key=lambda tone: tone is not Tone.ATTENTION)
    said = {point.about: point.text for point in report.points}
    assert (
        f"{report.fates.taken:,} of {report.fates.total:,} signals traded"
        in (said["Why signals did not trade"])
    )
    row = next(r for r in report.quality.forward.rows if r.horizon_bars == report.horizon_bars)
    assert f"{row.mean:+.2%}" in said["Returns"] and f"{row.low:+.2%}" in said["Returns"]
    assert "13 checks" in said["Consistency"]


def test_without_bars_fills_and_regime_changes_the_signals_say_what_they_can(handmade):
    report = compute(handmade)
    (line,) = report.timelines
    assert line.price is None and line.equity is None and line.account is None
    assert sum(len(mark.x) for mark in line.marks) == 60
    assert [one.classifier for one in line.ribbons] == ["regime"]
    assert report.returns is None and report.patterns is None
    said = {point.about: point for point in report.points}
    assert said["Returns"].tone is Tone.ATTENTION
    assert "30 signals" in said["Open"].text


def test_a_recording_that_is_broken_says_so_first(tmp_path):
    recording = by_hand(tmp_path / "signals", bars=True)
    (chain,) = recording.path.glob("parts/*/chain-signals.bin")
    held = bytearray(chain.read_bytes())
    held[-1] ^= 1
    chain.write_bytes(held)
    broken = capture.open(tmp_path / "signals")[recording.run_id]
    first = compute(broken).points[0]
    assert (first.tone, first.about) == (Tone.ATTENTION, "Consistency")
    assert "hash_mismatches" in first.text


def test_a_run_without_signals_has_nothing_but_what_it_is(tmp_path):
    report = compute(ran(tmp_path / "signals", Never))
    assert report.fates.total == 0
    assert report.timelines == () and report.patterns is None and report.activity is None
    assert report.points[0].about == "Signals"


def test_a_grid_is_judged_by_its_trials_and_a_repeated_set_counts_once(tmp_path):
    recording = tuned(tmp_path / "signals")
    report = compute(recording)
    assert len(recording.parts) == 4
    assert (report.repeated, report.selection.trials) == (1, 3)
    signals = recording.signals()
    best = report.selection.chosen.trial
    once = signals.drop_duplicates(["strategy_id", "bar_index", "symbol", "direction", "strength"])
    assert report.quality.total_signals == len(signals[signals["part"] < 3]) >= len(once)
    assert report.timelines[0].name.startswith(best)
    assert "Selection" in {point.about for point in report.points}


def test_a_replay_names_the_run_it_replays(tmp_path, busy):
    report = compute(replayed(busy, tmp_path / "signals"))
    said = {point.about: point.text for point in report.points}
    assert busy.run_id in said["Replay"]


def test_filters_choose_the_signals_and_are_told(busy):
    report = compute(busy, "2006", "2008", regime="bull")
    chosen = busy.signals(where="regime == 'bull'")
    years = chosen["timestamp"].dt.year
    assert report.fates.total == int(years.between(2006, 2008).sum()) > 0
    assert report.provenance.asked["regime"] == "bull"


def test_the_same_strategy_run_before_is_told_as_another_trial(tmp_path):
    by_hand(tmp_path / "signals")
    report = compute(by_hand(tmp_path / "signals"))
    assert report.siblings == 1
    assert any("1 other captured run " in point.text for point in report.points)
