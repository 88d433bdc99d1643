"""`capture tail`: signals as they come, from another process, too."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time

import capture

WRITER = """
import sys, time
import capture
config = capture.SignalCaptureConfig(storage_path=sys.argv[1])
with capture.SignalCaptureEngine(config) as engine:
    for number in range(int(sys.argv[2])):
        context = {"timestamp": 1_700_000_000_000_000_000 + number, "strategy_id": "Live"}
        engine.capture_signal({"symbol": "GOOG", "direction": 1, "bar_index": number}, context)
        print(number, flush=True)
        time.sleep(float(sys.argv[3]))
"""


def _writer(place, signals: int, pause: float) -> subprocess.Popen[str]:
    words = [sys.executable, "-c", WRITER, str(place), str(signals), str(pause)]
    writer = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert writer.stdout.readline() == "0\n"  # the first signal is in
    return writer


def _tail(place, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "capture", "tail", "--store", str(place), *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_the_last_signals_are_printed(call, store):
    lines = call("tail", "-n", 3).stdout.splitlines()
    assert len(lines) == 3
    assert "2024-01-12 00:00:00  GOOG      buy" in lines[-1]
    assert lines[-1].endswith("executed  filled")


def test_none_are_printed_if_none_are_wanted(call, store):
    assert call("tail", "-n", 0).stdout == ""


def test_each_line_is_a_document(call, store):
    rows = [json.loads(line) for line in call("tail", "--json", "-n", 2).stdout.splitlines()]
    assert [row["bar_index"] for row in rows] == [10, 11]
    assert rows[0]["indicator_slow"] is None
    assert rows[0]["timestamp"] == "2024-01-11T00:00:00Z"


def test_following_a_run_that_ended_ends_at_once(call, store):
    assert len(call("tail", "--follow", "-n", 100).stdout.splitlines()) == 12


def test_every_signal_of_a_run_is_followed_once_and_in_order_until_it_ends(tmp_path):
    place = tmp_path / "live"
    writer = _writer(place, 40, 0.05)
    out, errors = _tail(place, "--follow", "--json", "-n", "1000").communicate(timeout=60)
    writer.communicate(timeout=60)
    assert errors == ""
    assert [json.loads(line)["bar_index"] for line in out.splitlines()] == list(range(40))


def test_a_signal_is_seen_while_its_run_goes_on(tmp_path):
    place = tmp_path / "live"
    writer = _writer(place, 2, 30)
    tail = _tail(place, "--follow")
    line = tail.stdout.readline()
    assert writer.poll() is None
    assert "GOOG" in line
    for process in (tail, writer):
        process.kill()
        process.communicate()


def test_following_ends_when_the_writer_is_killed(tmp_path):
    place = tmp_path / "live"
    writer = _writer(place, 1000, 0.02)
    tail = _tail(place, "--follow", "--json", "-n", "1000")
    lines = [tail.stdout.readline()]
    writer.kill()
    said = writer.stdout.read().split()
    writer.communicate()
    lines += tail.stdout  # `communicate` would lose what has been read ahead of the first line
    assert tail.wait(timeout=60) == 0
    tail.communicate()
    shown = [json.loads(line)["bar_index"] for line in lines]
    assert shown == list(range(len(shown)))
    assert shown[-1] >= int(said[-1])


def test_interrupting_it_is_silent(tmp_path):
    place = tmp_path / "live"
    writer = _writer(place, 2, 300)
    tail = _tail(place, "--follow")
    tail.stdout.readline()
    time.sleep(0.3)
    tail.send_signal(signal.SIGINT)
    _, errors = tail.communicate(timeout=60)
    writer.kill()
    writer.communicate()
    assert tail.returncode == 130
    assert errors.strip() == ""


def test_latest_is_the_run_that_began_last(call, store):
    """While it goes on, the store's own `latest` still names the run before."""
    config = capture.SignalCaptureConfig(storage_path=store)
    with capture.SignalCaptureEngine(config) as engine:
        context = {"timestamp": 1_900_000_000_000_000_000, "strategy_id": "Live"}
        engine.capture_signal({"symbol": "MSFT", "direction": 1}, context)
        (line,) = call("tail").stdout.splitlines()
    assert "MSFT" in line
