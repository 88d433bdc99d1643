"""`capture verify`: 0 clean, 1 corrupt, 2 could not run."""

from __future__ import annotations

import json

import pytest

import capture


def _sealed(store, run_id, pattern):
    return next((store / "runs" / run_id / "parts" / "0000").glob(pattern))


def _change_one_byte(file):
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(bytes(data))


def test_what_was_recorded_is_clean(call, store):
    result = call("verify")
    assert result.exit_code == 0
    assert result.stdout.startswith("Clean: 1 run, ")
    assert result.stdout.endswith(", 12 signals checked.\n")


def test_the_document_says_what_was_checked(call, store):
    found = json.loads(call("verify", "--json").stdout)
    assert found["ok"] is True
    assert (found["runs"], found["signals"], found["findings"]) == (1, 12, [])


@pytest.mark.parametrize("words", [[], ["latest"]])
def test_a_changed_byte_is_named_with_run_and_file(call, store, run_id, words):
    _change_one_byte(_sealed(store, run_id, "signals*"))
    result = call("verify", *words)
    assert result.exit_code == 1
    assert f"run {run_id} part 0" in result.stdout
    assert "signals" in result.stdout
    assert "events 0 to " in result.stdout
    assert "Corrupt: " in result.stdout


def test_the_document_names_what_is_corrupt(call, store, run_id):
    _change_one_byte(_sealed(store, run_id, "signals*"))
    result = call("verify", "--json")
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert found["ok"] is False
    assert {finding["run_id"] for finding in found["findings"]} == {run_id}


def test_a_changed_manifest_is_corrupt(call, store, run_id):
    manifest = store / "runs" / run_id / "manifest.json"
    manifest.write_text(manifest.read_text().replace("engine", "engime", 1))
    result = call("verify")
    assert result.exit_code == 1
    assert "manifest.json" in result.stdout


def test_a_changed_marker_of_the_store_is_corrupt(call, store):
    (store / "capture-store.json").write_text("{}")
    result = call("verify", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["ok"] is False


def test_without_a_store_it_could_not_run(call, tmp_path):
    assert call("verify", "--store", tmp_path / "nothing").exit_code == 2


def test_a_run_that_is_not_there_is_not_called_corrupt(call, store):
    result = call("verify", "nope")
    assert result.exit_code == 2
    assert "there is no run 'nope'" in result.stderr


def test_a_key_that_is_not_there_is_told(call, store, tmp_path):
    result = call("verify", "--key", tmp_path / "key")
    assert result.exit_code == 2
    assert "there is no such key file" in result.stderr


def test_a_signature_is_checked_with_the_key(call, tmp_path):
    key, other = tmp_path / "key", tmp_path / "other"
    key.write_bytes(b"k" * 32)
    other.write_bytes(b"o" * 32)
    place = tmp_path / "signed"
    config = capture.SignalCaptureConfig(storage_path=place, signing_key=key)
    with capture.SignalCaptureEngine(config):
        pass
    assert call("verify", "--store", place, "--key", key).exit_code == 0
    assert call("verify", "--store", place, "--key", other).exit_code == 1


def test_a_run_that_goes_on_is_mentioned(call, tmp_path):
    place = tmp_path / "live"
    with capture.SignalCaptureEngine(capture.SignalCaptureConfig(storage_path=place)) as engine:
        result = call("verify", "--store", place)
        assert result.exit_code == 0
        assert f"run {engine.run_id}: running, not sealed yet" in result.stdout
