"""`capture deliver` sends, lists what was given up, and sends it again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from capture.cli import cli

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.testing import Result

    from capture_sql import SignalRepository


@pytest.fixture
def call(db_url: str, remote: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Call the verb in this process; the environment says where from and where to."""
    monkeypatch.setenv("CAPTURE_DATABASE", db_url)
    monkeypatch.setenv("CAPTURE_HTTP_URL", remote.url)

    def call(*words: object) -> Result:
        return CliRunner().invoke(cli, ["deliver", *map(str, words)], prog_name="capture")

    return call


def test_it_sends_until_nothing_waits(
    repository: SignalRepository,
    remote: Any,
    call: Callable[..., Result],
    give: Callable[..., list[str]],
    expect_exactly_once: Callable[[Any, list[str]], None],
) -> None:
    ids = give(repository, 4)
    ran = call("--set", f"batch_url={remote.batch_url}", "--set", "batch=3")
    assert ran.exit_code == 0, ran.output
    assert ran.output.startswith("Sent 12 items")
    expect_exactly_once(remote, ids)
    assert len(remote.requests) == 6


def test_it_answers_with_one_json_document(
    repository: SignalRepository, call: Callable[..., Result], give: Callable[..., list[str]]
) -> None:
    give(repository, 1)
    said = json.loads(call("--json").output)
    assert said | {"seconds": 0} == {
        "sent": 3,
        "failed": 0,
        "given_up": 0,
        "unavailable": None,
        "seconds": 0,
        "pending": 0,
        "held": 0,
        "dead": 0,
    }


def test_what_was_given_up_is_listed_and_sent_again(
    repository: SignalRepository,
    remote: Any,
    call: Callable[..., Result],
    give: Callable[..., list[str]],
    expect_exactly_once: Callable[[Any, list[str]], None],
) -> None:
    ids = give(repository, 2)
    remote.faults = ["500"]
    ran = call("--retries", 0)
    assert ran.exit_code == 1
    assert "Gave up 1 item; --dead lists them." in ran.output
    (letter,) = json.loads(call("--dead", "--json").output)
    assert letter["problem"] == "it answered 500 Internal Server Error"
    assert letter["signal_id"] in call("--dead").output
    assert call("--resend", "--item", letter["id"] + 1000).exit_code == 1
    ran = call("--resend", "--item", letter["id"])
    assert (ran.exit_code, ran.output) == (0, "1 item will be sent again.\n")
    assert "Nothing was given up" in call("--dead").output
    assert call().exit_code == 0
    expect_exactly_once(remote, ids)


def test_a_remote_that_is_away_is_said_and_everything_waits(
    repository: SignalRepository, remote: Any, call: Callable[..., Result]
) -> None:
    repository.save_signal({"symbol": "ACME", "side": "buy"})
    remote.stop()
    ran = call("--retries", 0)
    assert ran.exit_code == 1
    assert "The remote takes nothing: it cannot be reached" in ran.output
    assert "waiting   1" in ran.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--dead", "--resend"), "exclude one another"),
        (("--item", "3"), "--resend"),
        (("--set", "nonsense"), "NAME=VALUE"),
        (("--set", "verify=false"), "verify"),
        (("--set", "url=https://x.example?key=hunter2"), "no user, password, query"),
        (("--sink", "htpp"), 'Did you mean "http"?'),
    ],
)
def test_what_cannot_be_meant_is_refused(
    repository: SignalRepository, call: Callable[..., Result], words: tuple[str, ...], said: str
) -> None:
    ran = call(*words)
    assert ran.exit_code == 2
    assert said in ran.output
    assert "hunter2" not in ran.output


def test_it_follows_until_it_is_told_to_stop(
    repository: SignalRepository,
    db_url: str,
    remote: Any,
    give: Callable[..., list[str]],
    expect_exactly_once: Callable[[Any, list[str]], None],
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "capture", "deliver", "--follow", "--json"],
        env={**os.environ, "CAPTURE_DATABASE": db_url, "CAPTURE_HTTP_URL": remote.url},
        stdout=subprocess.PIPE,
        text=True,
    )
    ids = give(repository, 3)
    deadline = time.monotonic() + 60
    while repository.outbox().counts("http").sent < 9 and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert json.loads(said)["sent"] == 9
    expect_exactly_once(remote, ids)
