"""Whether an audit log is what was written: every line, every file, and its end."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from capture.errors import StoreError
from capture.lifecycle.audit_lines import HEAD_FILE, Chaining, Head, audit_files

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["AuditFinding", "AuditVerification", "verify_audit"]


@dataclass(frozen=True, kw_only=True)
class AuditFinding:
    """Something in a log that is not as it was written.

    Attributes:
        file: file of the log.
        line: number of the line in it, from 1; None if it is the whole file.
        problem: what is wrong.
        signal_id: the signal that the line is about, where it names one.
    """

    file: str
    line: int | None
    problem: str
    signal_id: str | None = None

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file} line {self.line}"
        signal = "" if self.signal_id is None else f", signal {self.signal_id}"
        return f"{place}: {self.problem}{signal}"


@dataclass(frozen=True, kw_only=True)
class AuditVerification:
    """What was checked of a log, and what was found.

    Attributes:
        folder: the log.
        findings: everything that is wrong; empty if all is well.
        notes: what a killed writer left, which the next one repairs.
        files: how many files were read.
        lines: how many lines were checked.
        head: sequence number and chain of the last line. Who keeps them elsewhere can show later
            that the log still contains them.
    """

    folder: str
    findings: tuple[AuditFinding, ...] = ()
    notes: tuple[str, ...] = ()
    files: int = 0
    lines: int = 0
    head: tuple[int, str] | None = None

    @property
    def ok(self) -> bool:
        """Whether everything is what was written."""
        return not self.findings

    def to_dict(self) -> dict[str, Any]:
        """Return the outcome as plain values."""
        return {**asdict(self), "ok": self.ok}


def verify_audit(folder: str | Path, *, key: str | Path | None = None) -> AuditVerification:
    """Check a log line by line; others may write to it meanwhile.

    Args:
        folder: the log.
        key: file with the shared key that the log was written with, if it was.

    Raises:
        StoreError: there is no log, or it cannot be read.
    """
    path = Path(folder)
    if not path.is_dir() or not (audit_files(path) or (path / HEAD_FILE).exists()):
        raise StoreError(path, "there is no audit log", "name the folder that AuditLog was given")
    return _Check(path, Chaining(key)).run()


class _Check:
    """One verification while it goes on."""

    def __init__(self, folder: Path, chaining: Chaining) -> None:
        self._folder = folder
        self._chaining = chaining
        self._findings: list[AuditFinding] = []
        self._notes: list[str] = []
        self._lines = 0
        self._seq = 0
        self._before: tuple[str, ...] = (chaining.seed(),)
        """Chains that the next line may follow: more than one after a line that was changed."""
        self._at_head: tuple[str, ...] | None = None
        self._place: tuple[str, int] = (HEAD_FILE, 0)

    def run(self) -> AuditVerification:
        """Read the head first: what comes later is then newer than the head, and not older."""
        try:
            head = self._read_head()
            files = audit_files(self._folder)
            for path in files:
                self._check_file(path, head)
        except OSError as exc:
            raise StoreError(self._folder, f"cannot be read ({exc.strerror})") from exc
        if head is not None:
            self._check_end(head)
        return AuditVerification(
            folder=str(self._folder),
            findings=tuple(self._findings),
            notes=tuple(self._notes),
            files=len(files),
            lines=self._lines,
            head=(self._seq, self._before[0] if self._before else ""),
        )

    def _find(
        self, file: str, line: int | None, problem: str, signal_id: str | None = None
    ) -> None:
        self._findings.append(
            AuditFinding(file=file, line=line, problem=problem, signal_id=signal_id)
        )

    def _read_head(self) -> Head | None:
        path = self._folder / HEAD_FILE
        try:
            head = Head.from_bytes(path.read_bytes(), self._chaining)
        except FileNotFoundError:
            self._find(HEAD_FILE, None, "it is missing: lines may have been removed at the end")
            return None
        except (ValueError, RecursionError) as exc:
            self._find(HEAD_FILE, None, f"it is not what was written: {exc}")
            return None
        if not head.seq:
            self._at_head = self._before
        return head

    def _check_file(self, path: Path, head: Head | None) -> None:
        for number, end, line in _lines(path):
            if line.endswith(b"\n"):
                self._check_line(path.name, number, line[:-1], head)
            elif head is not None and path.name == head.file and end - len(line) >= head.size:
                self._notes.append(
                    f"{path.name} line {number}: unfinished, by a writer that was killed or writes "
                    "just now; it was never acknowledged"
                )
            else:
                self._find(path.name, number, "the line is cut off")

    def _check_line(self, file: str, number: int, line: bytes, head: Head | None) -> None:
        self._lines += 1
        self._place = (file, number)
        try:
            entry, text = self._chaining.read(line)
        except (ValueError, RecursionError) as exc:
            self._find(file, number, f"the line is not what was written: {exc}")
            self._seq += 1
            self._before = ()
            return
        if entry.seq != self._seq + 1:
            self._find(file, number, self._gap(entry.seq), entry.signal_id)
        elif self._before and not self._follows(entry, text):
            self._find(file, number, "the line is not what was written", entry.signal_id)
            own = (self._chaining.digest(before, text) for before in self._before)
            self._before = (entry.chain, *own)
            self._seq = entry.seq
            self._pass(head)
            return
        self._seq, self._before = entry.seq, (entry.chain,)
        self._pass(head)

    def _follows(self, entry: Any, text: str) -> bool:
        return any(self._chaining.follows(entry, text, before) for before in self._before)

    def _gap(self, seq: int) -> str:
        expected = self._seq + 1
        if seq > expected:
            return f"entries {expected} to {seq - 1} are missing before this line"
        return f"it is entry {seq}, where entry {expected} belongs"

    def _pass(self, head: Head | None) -> None:
        if head is not None and self._seq == head.seq:
            self._at_head = self._before

    def _check_end(self, head: Head) -> None:
        """Compare the end of the log with its head: this finds what was removed at the end."""
        file, number = self._place
        if self._seq < head.seq:
            missing = f"entries {self._seq + 1} to {head.seq} are missing after it"
            self._find(file, number or None, missing)
        elif self._at_head is not None and head.chain not in self._at_head:
            self._find(HEAD_FILE, None, f"entry {head.seq} is not the one that was acknowledged")


def _lines(path: Path) -> Iterator[tuple[int, int, bytes]]:
    """Yield each line with its number and where it ends."""
    end = 0
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            end += len(line)
            yield number, end, line
