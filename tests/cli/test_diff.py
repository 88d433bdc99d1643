"""`capture diff`: 0 the same, 1 they differ, 2 it could not run."""

from __future__ import annotations

import json

from tests.cli.conftest import record


def test_a_run_is_the_same_as_itself(call, store):
    result = call("diff", "latest", "latest")
    assert result.exit_code == 0, result.output
    assert result.stdout.endswith("The same: 12 the same.\n")


def test_a_run_that_goes_on_differs_and_the_first_signal_is_named(call, store, run_id):
    other = record(store, signals=14, strategy="Longer")
    result = call("diff", run_id, other)
    assert result.exit_code == 1, result.output
    assert (
        "only in B: [red]Cross[/red], GOOG at 2024-01-13T00:00:00+00:00 (bar 12)" in result.stdout
    )
    assert "\x1b" not in result.stdout
    found = json.loads(call("diff", "--json", run_id, other).stdout)
    assert (found["equal"], found["same"], found["only_b"]) == (False, 12, 2)


def test_the_second_run_may_lie_in_another_store(call, store, run_id, tmp_path):
    other = record(tmp_path / "elsewhere")
    result = call("diff", run_id, other, "--other-store", tmp_path / "elsewhere")
    assert result.exit_code == 0, result.output


def test_a_run_that_is_not_there_could_not_run(call, store):
    result = call("diff", "latest", "nope")
    assert result.exit_code == 2
    assert "there is no run 'nope'" in result.stderr
