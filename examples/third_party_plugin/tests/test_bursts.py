"""The observer counts signals, and says when there are many at once."""

from datetime import UTC, datetime, timedelta

import pytest

from capture_feather.bursts import BurstWatch

START = datetime(2024, 1, 1, tzinfo=UTC)


@pytest.fixture
def record(capture_host, capture_engine):
    """Return a function that records signals of GOOG at these bars, watched by a BurstWatch."""

    def run(bars, **settings):
        watch = BurstWatch(**settings)
        capture_host.register(watch)
        with capture_engine() as engine:
            for bar in bars:
                signal = {
                    "symbol": "GOOG",
                    "direction": 1,
                    "signal_type": "entry",
                    "bar_index": bar,
                }
                context = {"timestamp": START + timedelta(days=bar), "strategy_id": "test"}
                engine.capture_signal(signal, context)
        return watch

    return run


def test_signals_are_counted_by_symbol(record, capsys):
    """The summary has the number of each symbol's signals."""
    record([1, 100, 200])
    assert "signals: GOOG 3; bursts: 0" in capsys.readouterr().err


def test_a_burst_is_told_when_it_happens(record, capsys):
    """Three signals within ten bars are a burst here, and the fourth begins anew."""
    record([1, 50, 52, 55, 56], limit=3)
    told = capsys.readouterr().err
    assert "[bursts] burst: GOOG gave 3 signals within 6 bars" in told
    assert "bursts: 1" in told


def test_what_a_burst_is_can_be_chosen(record, capsys):
    """Other limits find other bursts."""
    record([1, 3], limit=2, window_bars=3)
    assert "bursts: 1" in capsys.readouterr().err


def test_nothing_is_kept_of_a_run_that_ended(record):
    """Thousands of runs in one process need no more memory than one."""
    assert record([1, 2]).tallies == {}
