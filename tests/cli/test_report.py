"""`capture report`: a page on disk, the findings on the screen, and one line if it went wrong."""

from __future__ import annotations

import json


def test_the_page_is_written_and_the_findings_are_told(call, store, tmp_path):
    result = call("report", "-o", tmp_path / "r.html")
    assert result.exit_code == 0, result.output
    text = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert text.startswith("<!doctype html>") and text.endswith("</html>\n")
    assert "signals traded" in result.stdout
    assert "\x1b" not in result.stdout


def test_a_file_that_is_there_is_kept_unless_forced(call, store, tmp_path):
    place = tmp_path / "r.html"
    place.write_text("mine")
    refused = call("report", "-o", place)
    assert refused.exit_code == 2
    assert "--force" in refused.stderr and place.read_text() == "mine"
    assert call("report", "-o", place, "--force").exit_code == 0
    assert place.read_text(encoding="utf-8") != "mine"


def test_a_program_reads_what_was_written_and_found(call, store, run_id, tmp_path):
    result = call("report", run_id, "-o", tmp_path / "r.html", "--json", "--no-hashes")
    said = json.loads(result.stdout)
    assert said["run_id"] == run_id
    assert said["bytes"] == (tmp_path / "r.html").stat().st_size
    assert {"tone", "about", "text"} == set(said["findings"][0])


def test_a_run_that_is_not_there_is_one_line(call, store, tmp_path):
    result = call("report", "nope", "-o", tmp_path / "r.html")
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1 and "there is no run 'nope'" in result.stderr
    assert not (tmp_path / "r.html").exists()


def test_filters_choose_what_it_is_about(call, store, tmp_path):
    words = ("--from", "2024-01-03", "--to", "2024-01-05", "--symbol", "GOOG")
    result = call("report", "-o", tmp_path / "r.html", *words)
    assert result.exit_code == 0, result.output
    assert "of 3 signals traded" in result.stdout


def test_a_folder_is_no_file(call, store, tmp_path):
    result = call("report", "-o", tmp_path)
    assert result.exit_code == 2
    assert "this is a folder" in result.stderr


def test_a_misspelt_symbol_is_named_with_those_that_there_are(call, store, tmp_path):
    for verb in (("report", "-o", tmp_path / "r.html"), ("analyze",)):
        result = call(*verb, "--symbol", "GOGG")
        assert result.exit_code == 2, result.output
        assert 'no symbol of this run is called "GOGG". Did you mean "GOOG"?' in result.stderr
        assert result.stderr.count("\n") == 1
