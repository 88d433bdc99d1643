"""The audit log keeps what it acknowledged, and tells what was done to it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import warnings
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from capture.cli import cli
from capture.errors import CaptureWarning, ConfigError, CorruptRecording, StoreError
from capture.lifecycle.audit import AuditLog, read_audit
from capture.lifecycle.audit_check import verify_audit
from capture.lifecycle.audit_lines import HEAD_FILE, audit_files

if TYPE_CHECKING:
    from collections.abc import Callable

WRITER = """
import os, sys
from capture.lifecycle.audit import AuditLog
name, folder, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
with AuditLog(folder, max_bytes=4000) as log:
    for n in range(count):
        log.append("saved", signal_id=f"{name}.{n}", status="generated", note="ü" * (n % 7))
        os.write(1, f"{name}.{n}\\n".encode())
"""


def filled(folder: Path, lines: int = 30, **settings: object) -> Path:
    with AuditLog(folder, max_bytes=2000, **settings) as log:  # type: ignore[arg-type]
        for number in range(lines):
            log.append("saved", signal_id=f"s{number}", sha256=f"{number:064x}", price=number / 3)
    return folder


def lines_of(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines(keepends=True)


def test_what_was_appended_is_read_back_in_order_over_all_files(tmp_path: Path) -> None:
    log = filled(tmp_path / "audit")
    entries = list(read_audit(log))
    assert len(audit_files(log)) > 3
    assert [entry.seq for entry in entries] == list(range(1, 31))
    assert [entry.signal_id for entry in entries] == [f"s{n}" for n in range(30)]
    assert entries[7].facts == {"price": 7 / 3}
    found = verify_audit(log)
    assert found.ok, found.findings
    assert (found.lines, found.head) == (30, (30, entries[-1].chain))


def test_a_log_goes_on_where_it_ended(tmp_path: Path) -> None:
    log = filled(tmp_path / "audit", 5)
    filled(log, 5)
    assert [entry.seq for entry in read_audit(log)] == list(range(1, 11))
    assert verify_audit(log).ok


def test_a_new_day_begins_a_new_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    day = 86_400_000_000_000
    with AuditLog(tmp_path / "audit") as log:
        for now in (day - 1, day, day + 5, 2 * day):
            monkeypatch.setattr("capture.lifecycle.audit.time_ns", lambda now=now: now)
            log.append("saved")
    names = [path.name for path in audit_files(tmp_path / "audit")]
    assert names == [
        "000001-1970-01-01.jsonl",
        "000002-1970-01-02.jsonl",
        "000003-1970-01-03.jsonl",
    ]
    assert verify_audit(tmp_path / "audit").ok


def test_only_files_of_a_day_and_later_are_read_if_that_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = 86_400_000_000_000
    with AuditLog(tmp_path / "audit", max_bytes=1) as log:
        for number in range(6):
            now = number * day // 2
            monkeypatch.setattr("capture.lifecycle.audit.time_ns", lambda now=now: now)
            log.append("saved", signal_id=f"s{number}")
    for since, first in ((0, 0), (day, 1), (2 * day, 3), (9 * day, 5)):
        found = [entry.signal_id for entry in read_audit(tmp_path / "audit", since_ns=since)]
        assert found == [f"s{n}" for n in range(first, 6)]


def test_what_is_written_together_is_in_one_file(tmp_path: Path) -> None:
    with AuditLog(tmp_path / "audit", max_bytes=500) as log:
        log.append("saved")
        assert log.extend([{"action": "saved", "signal_id": f"s{n}"} for n in range(20)]) == 21
    sizes = [len(lines_of(path)) for path in audit_files(tmp_path / "audit")]
    assert sizes == [1, 20]


# --- tampering -----------------------------------------------------------------------------------


def tampered_field(path: Path) -> tuple[Path, int]:
    lines = lines_of(path)
    said = json.loads(lines[2])
    said["facts"]["price"] += 1
    lines[2] = json.dumps(said, sort_keys=True, separators=(",", ":")).encode() + b"\n"
    path.write_bytes(b"".join(lines))
    return path, 3


def flipped_byte(path: Path) -> tuple[Path, int]:
    lines = lines_of(path)
    lines[1] = lines[1].replace(b"saved", b"sawed")
    path.write_bytes(b"".join(lines))
    return path, 2


def removed_line(path: Path) -> tuple[Path, int]:
    lines = lines_of(path)
    del lines[1]
    path.write_bytes(b"".join(lines))
    return path, 2


def swapped_lines(path: Path) -> tuple[Path, int]:
    lines = lines_of(path)
    lines[1], lines[2] = lines[2], lines[1]
    path.write_bytes(b"".join(lines))
    return path, 2


def no_json(path: Path) -> tuple[Path, int]:
    lines = lines_of(path)
    lines[0] = b"\xff{" + lines[0]
    path.write_bytes(b"".join(lines))
    return path, 1


def removed_file(path: Path) -> tuple[Path, int]:
    following = audit_files(path.parent)[audit_files(path.parent).index(path) + 1]
    path.unlink()
    return following, 1


@pytest.mark.parametrize(
    "tamper",
    [tampered_field, flipped_byte, removed_line, swapped_lines, no_json, removed_file],
)
def test_tampering_is_found_in_its_file_and_line(
    tmp_path: Path, tamper: Callable[[Path], tuple[Path, int]]
) -> None:
    log = filled(tmp_path / "audit")
    path, line = tamper(audit_files(log)[1])
    found = verify_audit(log)
    assert not found.ok
    assert (found.findings[0].file, found.findings[0].line) == (path.name, line)


def test_one_changed_line_is_one_finding_that_names_its_signal(tmp_path: Path) -> None:
    log = filled(tmp_path / "audit")
    tampered_field(audit_files(log)[1])
    (finding,) = verify_audit(log).findings
    assert finding.signal_id is not None
    assert str(finding).endswith(f"signal {finding.signal_id}")


@pytest.mark.parametrize("what", ["last line", "half of the last line", "last file", "all files"])
def test_what_was_removed_at_the_end_is_missed(tmp_path: Path, what: str) -> None:
    log = filled(tmp_path / "audit")
    last = audit_files(log)[-1]
    data = lines_of(last)
    if what == "last line":
        last.write_bytes(b"".join(data[:-1]))
    elif what == "half of the last line":
        last.write_bytes(b"".join(data)[:-20])
    elif what == "last file":
        last.unlink()
    else:
        for path in audit_files(log):
            path.unlink()
    found = verify_audit(log)
    assert any("to 30 are missing" in finding.problem for finding in found.findings)
    with pytest.raises(CorruptRecording):
        AuditLog(log)


@pytest.mark.parametrize("head", [b"", b"{}", b"[" * 5000, None])
def test_a_head_that_was_removed_or_changed_is_named(tmp_path: Path, head: bytes | None) -> None:
    log = filled(tmp_path / "audit", 3)
    if head is None:
        (log / HEAD_FILE).unlink()
    else:
        (log / HEAD_FILE).write_bytes(head)
    assert [finding.file for finding in verify_audit(log).findings] == [HEAD_FILE]
    with pytest.raises(CorruptRecording, match="audit"):
        AuditLog(log)


def test_without_the_key_no_line_can_be_written_that_verifies(tmp_path: Path) -> None:
    key, other = tmp_path / "key", tmp_path / "other"
    key.write_bytes(b"k" * 32)
    other.write_bytes(b"o" * 32)
    log = filled(tmp_path / "audit", 3, key=key)
    assert verify_audit(log, key=key).ok
    assert not verify_audit(log, key=other).ok
    assert not verify_audit(log).ok
    with pytest.raises(CorruptRecording, match="key"):
        AuditLog(log, key=other)
    rewritten = filled(tmp_path / "rewritten", 3)
    assert not verify_audit(rewritten, key=key).ok


def test_an_older_head_than_the_key_wrote_is_no_head_of_this_key(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_bytes(b"k" * 32)
    log = filled(tmp_path / "audit", 6, key=key)
    (last,) = audit_files(log)[-1:]
    lines = lines_of(last)
    entry = json.loads(lines[-2])
    head = json.loads((log / HEAD_FILE).read_bytes())
    head |= {"seq": entry["seq"], "chain": entry["chain"], "size": len(b"".join(lines[:-1]))}
    (log / HEAD_FILE).write_text(json.dumps(head))
    last.write_bytes(b"".join(lines[:-1]))
    assert not verify_audit(log, key=key).ok


# --- several writers, and killed ones ------------------------------------------------------------


@pytest.mark.crash
def test_processes_may_write_to_one_log_at_the_same_time(tmp_path: Path) -> None:
    log, each = tmp_path / "audit", 150
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, f"p{n}", str(log), str(each)], stdout=subprocess.DEVNULL
        )
        for n in range(4)
    ]
    assert [writer.wait(60) for writer in writers] == [0] * 4
    assert verify_audit(log).ok
    written = [entry.signal_id for entry in read_audit(log)]
    assert sorted(written, key=str) == sorted(f"p{n}.{k}" for n in range(4) for k in range(each))
    for n in range(4):
        own = [name for name in written if str(name).startswith(f"p{n}.")]
        assert own == [f"p{n}.{k}" for k in range(each)]


@pytest.mark.crash
def test_a_killed_writer_loses_no_line_that_it_was_told_of(tmp_path: Path) -> None:
    log, random, told = tmp_path / "audit", Random(7), set()
    for n in range(6):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, f"p{n}", str(log), "1000000"], stdout=subprocess.PIPE
        )
        assert writer.stdout is not None
        told.add(writer.stdout.readline().decode().strip())
        try:
            writer.wait(random.random() * 0.1)
        except subprocess.TimeoutExpired:
            os.kill(writer.pid, signal.SIGKILL)
        told |= set(writer.stdout.read().decode().split())
        writer.stdout.close()
        writer.wait()
        assert verify_audit(log).ok
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CaptureWarning)
        AuditLog(log).close()
    written = {entry.signal_id for entry in read_audit(log)}
    assert len(told) > 50
    assert told <= written
    assert verify_audit(log).ok


def test_a_torn_last_line_is_cut_away_and_the_log_says_so(tmp_path: Path) -> None:
    log = filled(tmp_path / "audit", 3)
    last = audit_files(log)[-1]
    with last.open("ab") as file:
        file.write(b'{"action":"saved","cha')
    found = verify_audit(log)
    assert found.ok
    assert "unfinished" in found.notes[0]
    with pytest.warns(CaptureWarning, match="22 bytes were cut away"):
        again = AuditLog(log)
    again.append("saved", signal_id="later")
    again.close()
    *_, repaired, later = read_audit(log)
    assert (repaired.action, repaired.facts["cut_bytes"]) == ("repaired", 22)
    assert later.signal_id == "later"
    assert verify_audit(log).ok


def test_whole_lines_that_a_killed_writer_did_not_acknowledge_are_kept(tmp_path: Path) -> None:
    log = filled(tmp_path / "audit", 3)
    head = (log / HEAD_FILE).read_bytes()
    filled(log, 1)
    (log / HEAD_FILE).write_bytes(head)
    AuditLog(log).close()
    assert [entry.seq for entry in read_audit(log)] == [1, 2, 3, 4]
    assert verify_audit(log).ok


def test_a_forked_child_writes_on_by_itself(tmp_path: Path) -> None:
    with AuditLog(tmp_path / "audit") as log, warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # a fork while threads run
        log.append("parent")
        child = os.fork()
        if child == 0:
            status = 1
            try:
                log.append("child")
                status = 0
            finally:
                os._exit(status)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        log.append("parent")
    assert [entry.action for entry in read_audit(tmp_path / "audit")] == [
        "parent",
        "child",
        "parent",
    ]
    assert verify_audit(tmp_path / "audit").ok


# --- refusals ------------------------------------------------------------------------------------


def test_a_closed_log_takes_nothing(tmp_path: Path) -> None:
    log = AuditLog(tmp_path / "audit")
    log.close()
    log.close()
    with pytest.raises(StoreError, match="closed"):
        log.append("saved")


@pytest.mark.parametrize("size", [0, -1, True, 1.5])
def test_a_size_that_cannot_be_is_refused(tmp_path: Path, size: object) -> None:
    with pytest.raises(ConfigError, match="max_bytes"):
        AuditLog(tmp_path / "audit", max_bytes=size)  # type: ignore[arg-type]


def test_there_must_be_a_log_to_check(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no audit log"):
        verify_audit(tmp_path)


def test_a_synced_log_is_the_same_log(tmp_path: Path) -> None:
    log = filled(tmp_path / "audit", 4, sync=True)
    assert verify_audit(log).ok


# --- the verb ------------------------------------------------------------------------------------


def test_capture_verify_names_file_and_line_of_what_was_changed(tmp_path: Path) -> None:
    log = filled(tmp_path / "audit")
    call = CliRunner().invoke
    clean = call(cli, ["verify", "--audit", str(log)])
    assert (clean.exit_code, clean.output.partition(" in ")[0]) == (0, "Clean: 30 lines")
    path, line = tampered_field(audit_files(log)[1])
    ran = call(cli, ["verify", "--audit", str(log)])
    assert ran.exit_code == 1
    assert f"{path.name} line {line}: the line is not what was written, signal s" in ran.output
    said = json.loads(call(cli, ["verify", "--audit", str(log), "--json"]).output)
    assert (said["ok"], said["findings"][0]["line"]) == (False, line)
    assert call(cli, ["verify", "--audit", str(tmp_path / "none")]).exit_code == 2
