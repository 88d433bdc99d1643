"""`capture lifecycle`: the database of signals, asked and kept in order from the shell."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest

from capture_sql import SignalRepository, versions
from capture_sql.database import Database

VERBS = [
    "list",
    "show",
    "stats",
    "rejections",
    "import",
    "expire",
    "archive",
    "archives",
    "restore",
    "migrate",
    "verify",
]


@pytest.fixture
def db(tmp_path, monkeypatch):
    """A database with a signal of each kind; it is the one of the environment."""
    place = tmp_path / "lifecycle.sqlite"
    url = f"sqlite:///{place}"
    monkeypatch.setenv("CAPTURE_DATABASE", url)
    monkeypatch.chdir(tmp_path)
    with SignalRepository(url) as repository:
        for number, name in enumerate(("done", "refused", "waiting")):
            repository.save_signal(
                {
                    "signal_id": name,
                    "symbol": "GOOG" if number else "MS\x1bFT".replace("\x1b", ""),
                    "side": "buy",
                    "strategy_id": "momentum",
                    "entry_price": 100,
                    "note": "\x1b[31mred",
                    "timestamp": datetime(2026, 1, 1 + number, tzinfo=UTC),
                    "valid_until": datetime(2026, 2, 1, tzinfo=UTC),
                }
            )
        repository.update_signal_status(
            "done", "executed", executed_price=100.5, executed_quantity=10, actor="broker"
        )
        repository.update_signal_status("refused", "rejected", reason="risk_limit", actor="risk")
    return place


def _json(call, *words):
    result = call("lifecycle", *words, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_says_what_its_exit_status_is(call, verb):
    result = call("lifecycle", verb, "--help")
    assert result.exit_code == 0
    assert "Exit status: 0 well" in " ".join(result.stdout.split())


def test_the_help_names_every_verb(call):
    said = call("lifecycle", "--help").stdout
    assert [verb for verb in VERBS if f"  {verb} " not in said] == []


def test_signals_are_listed_the_newest_first(call, db):
    lines = call("lifecycle", "list").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["SIGNAL", "waiting", "refused", "done"]
    assert "risk_limit" in lines[2]
    found = _json(call, "list", "--status", "executed", "--strategy", "momentum")
    assert [(each["signal_id"], each["slippage"]) for each in found] == [("done", 0.5)]
    assert found[0]["signal_time"] == "2026-01-01T00:00:00Z"
    assert [
        s["signal_id"] for s in _json(call, "list", "--since", "2026-01-02", "--limit", "1")
    ] == ["waiting"]
    assert [s["signal_id"] for s in _json(call, "list", "--where", "reason=risk_limit")] == [
        "refused"
    ]


def test_one_signal_is_shown_with_its_history(call, db):
    said = call("lifecycle", "show", "done").stdout
    assert "\x1b" not in said and "\\x1b[31mred" in said
    for word in ("executed price", "History", "generated", "broker", "Fills", "Position"):
        assert word in said
    found = _json(call, "show", "done")
    assert [row["status"] for row in found["history"]] == ["generated", "executed"]
    assert found["fills"][0]["price"] == 100.5
    assert found["outcome"]["state"] == "open"


def test_a_signal_that_is_not_there_is_a_negative_answer(call, db):
    result = call("lifecycle", "show", "nobody")
    assert result.exit_code == 1
    assert result.stderr.startswith('capture: there is no signal "nobody"')


def test_figures_and_refusals(call, db):
    assert _json(call, "stats")["by_status"] == {"executed": 1, "generated": 1, "rejected": 1}
    assert "avg slippage" in call("lifecycle", "stats").stdout
    assert _json(call, "rejections", "--by", "strategy") == {"momentum": {"risk_limit": 1}}
    assert "1 signal rejected." in call("lifecycle", "rejections").stdout
    assert "Nothing was rejected." in call("lifecycle", "rejections", "--symbol", "X").stdout


def test_signals_expire(call, db):
    assert "Would be: 1 missed." in call("lifecycle", "expire", "--dry-run").stdout
    assert _json(call, "expire")["signals"] == {"waiting": "missed"}
    assert call("lifecycle", "expire").stdout == "Nothing to expire.\n"


def test_finished_signals_are_archived_and_restored(call, db):
    words = ("archive", "--older-than", "0s")
    assert call("lifecycle", *words, "--dry-run").stdout.startswith("Would move 1 signal")
    (archive_id,) = _json(call, *words)["archives"]
    assert [each["archive_id"] for each in _json(call, "archives")] == [archive_id]
    assert call("lifecycle", "restore", archive_id).stdout == "Restored 1 signal.\n"
    assert _json(call, "stats")["total_signals"] == 3
    wrong = call("lifecycle", "archive", "--older-than", "soon")
    assert (wrong.exit_code, "no length of time" in wrong.stderr) == (2, True)


@pytest.mark.parametrize(
    "words", [("lifecycle", "verify"), ("verify", "--db", "sqlite:///lifecycle.sqlite")]
)
def test_a_changed_field_is_named(call, db, words):
    assert call(*words).exit_code == 0
    with sqlite3.connect(db) as connection:
        connection.execute("UPDATE signals SET entry_price = 99 WHERE signal_id = 'done'")
    connection.close()
    result = call(*words)
    assert result.exit_code == 1
    assert "signals.entry_price of signal done" in result.stdout
    assert json.loads(call(*words, "--json").stdout)["ok"] is False


def test_an_old_database_is_migrated_when_asked_to(call, tmp_path: Path):
    url = f"sqlite:///{tmp_path}/old.sqlite"
    database = Database(url, "journal", 1)
    versions.upgrade(database, "0001")
    database.close()
    refused = call("lifecycle", "stats", "--db", url)
    assert (refused.exit_code, "capture lifecycle migrate" in refused.stderr) == (2, True)
    assert _json(call, "migrate", "--db", url) == {"before": "0001", "after": versions.NEWEST}
    assert "already" in call("lifecycle", "migrate", "--db", url).stdout
    assert _json(call, "stats", "--db", url)["total_signals"] == 0


def test_a_recording_is_imported_once(call, db, store, run_id):
    first = _json(call, "import", run_id, "--store", str(store))
    assert first["run_id"] == run_id and first["events"] > 0
    assert _json(call, "import", run_id, "--store", str(store))["events"] == 0
