"""`capture analyze`: quality and consistency; with --check 0 consistent, 1 not, 2 could not run."""

from __future__ import annotations

import json


def test_a_sound_run_is_consistent(call, store):
    result = call("analyze", "--check")
    assert result.exit_code == 0, result.output
    assert "Consistent" in result.stdout


def test_a_changed_file_is_told_with_its_mend(call, store):
    (chain,) = store.glob("runs/*/parts/0000/chain-signals.bin")
    held = bytearray(chain.read_bytes())
    held[-1] ^= 1
    chain.write_bytes(held)
    result = call("analyze", "--check")
    assert result.exit_code == 1, result.output
    assert "error hash_mismatches" in result.stdout
    assert "restore the file from a copy" in result.stdout
    assert call("analyze", "--check", "--no-hashes").exit_code == 0


def test_an_answer_in_json_names_every_check(call, store):
    found = json.loads(call("analyze", "--check", "--no-hashes", "--json").stdout)
    assert found["consistency"]["is_consistent"] is True
    assert "hash_mismatches" in found["consistency"]["skipped"]
    assert found["consistency"]["total_signals_checked"] == 12


def test_a_run_that_is_not_there_could_not_be_checked(call, store):
    result = call("analyze", "--check", "nope")
    assert result.exit_code == 2
    assert "there is no run 'nope'" in result.stderr


def test_without_check_quality_is_told_too(call, store):
    result = call("analyze")
    assert result.exit_code == 0, result.output
    assert "Signal quality" in result.stdout
    assert "Consistency" in result.stdout
    assert "From the next bar's open" in result.stdout
    closes = call("analyze", "--entry", "close")
    assert "From the close of the signal's bar" in closes.stdout
