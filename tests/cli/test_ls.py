"""`capture ls`, `capture reindex` and `capture plugins`."""

from __future__ import annotations

import json

import pytest

import capture
from tests.cli.test_group import VERBS


def test_each_run_has_a_line(call, store, run_id):
    result = call("ls")
    assert result.exit_code == 0
    heading, line = result.stdout.splitlines()
    assert heading.split()[:2] == ["RUN", "STRATEGY"]
    assert line.startswith(run_id)
    assert " ended " in line


def test_the_document_has_one_object_per_run(call, store, run_id):
    (run,) = json.loads(call("ls", "--json").stdout)
    assert run["run_id"] == run_id
    assert (run["signals"], run["fills"], run["state"]) == (12, 8, "ended")
    assert run["started"].endswith("Z")


def test_a_hostile_name_is_shown_and_not_obeyed(call, store):
    line = call("ls").stdout
    assert "[red]Cross[/red] \\x1b]0;owned\\x07" in line
    assert "\x1b" not in line


def test_an_empty_store_is_no_error(call, tmp_path):
    capture.Store(tmp_path / "empty", create=True)
    result = call("ls", "--store", tmp_path / "empty")
    assert result.exit_code == 0
    assert "No run was recorded" in result.stdout
    assert json.loads(call("ls", "--store", tmp_path / "empty", "--json").stdout) == []


def test_reindex_makes_the_catalogue_again(call, store):
    (store / "catalogue.sqlite").write_bytes(b"nonsense")
    result = call("reindex")
    assert result.exit_code == 0
    assert "now has 1 run." in result.stdout
    assert json.loads(call("reindex", "--json").stdout) == {"store": str(store), "runs": 1}


def test_plugins_are_listed_with_what_they_offer(call):
    result = call("plugins")
    assert result.exit_code == 0
    commands = next(line for line in result.stdout.splitlines() if line.startswith("commands "))
    assert "loaded" in commands
    assert commands.endswith(f"{len(VERBS)} commands")


def test_a_broken_plugin_is_listed_with_its_mend(call, monkeypatch):
    monkeypatch.setenv("CAPTURE_DISABLE_PLUGINS", "json")
    with capture.host.use_host(capture.host.Host()):
        listed = call("plugins").stdout
        reports = json.loads(call("plugins", "--json").stdout)
    assert "json: it is left out by CAPTURE_DISABLE_PLUGINS\n  take it off" in listed
    assert next(r["state"] for r in reports if r["name"] == "json") == "disabled"


@pytest.mark.parametrize("verb", ["ls", "reindex"])
def test_a_damaged_store_is_told_in_one_line(call, store, verb):
    (store / "capture-store.json").write_text("{}")
    result = call(verb)
    assert result.exit_code == 1
    assert "is not what was written" in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_word_too_many_is_named_and_help_is_near(call):
    done = call("ls", "nonsense")
    assert done.exit_code == 2
    assert "unexpected extra argument (nonsense); see `capture ls --help`" in done.stderr
