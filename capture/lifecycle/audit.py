"""The audit log: append-only JSON lines in a chain, for several writers, in files that rotate."""

from __future__ import annotations

import fcntl
import hashlib
import os
import warnings
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from time import time_ns
from typing import TYPE_CHECKING, Any, Final, Self

from capture.errors import CaptureWarning, ConfigError, CorruptRecording, StoreError
from capture.lifecycle.audit_lines import (
    HEAD_BYTES,
    HEAD_FILE,
    AuditEntry,
    Chaining,
    Head,
    audit_files,
    day_of,
    number_of,
)
from capture.store.records import cannot_write, sync_file, sync_folder, write_atomically

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["AuditLog", "read_audit"]

_FLAGS: Final = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
_VERIFY: Final = "`capture verify --audit` names what was changed; begin a new log elsewhere"


class AuditLog:
    """Appends lines to a log; what `append` returned for survives a kill of the process.

    Threads and processes may write to one log at the same time: each takes a lock for as long as
    it writes. A line that a killed writer left unfinished is cut away by whoever writes next, who
    warns of it and says in the log what was cut.

    Args:
        folder: where the log lives; it is made if it is not there.
        max_bytes: size at which a file ends and the next begins; what is written together is not
            parted.
        by_day: also begin a new file with every UTC day.
        sync: return when the lines are on disk, so that they survive a power cut.
        key: file with a shared key; without the key, nobody can write lines that verify.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        max_bytes: int = 64 * 1024 * 1024,
        by_day: bool = True,
        sync: bool = False,
        key: str | Path | None = None,
    ) -> None:
        if not isinstance(max_bytes, int) or isinstance(max_bytes, bool) or max_bytes < 1:
            raise ConfigError("max_bytes", max_bytes, "a whole number of at least 1 is needed")
        self.folder: Final = Path(folder)
        self._chaining: Final = Chaining(key)
        self._max_bytes: Final = max_bytes
        self._by_day: Final = by_day
        self._sync: Final = sync
        self._name = ""
        self._file = self._head = -1
        self._open()

    # --- writing -----------------------------------------------------------------------------

    def append(
        self,
        action: str,
        *,
        signal_id: str | None = None,
        sha256: str | None = None,
        **facts: Any,
    ) -> int:
        """Write one line, and return its sequence number.

        Args:
            action: what happened, in a word.
            signal_id: the signal that it happened to.
            sha256: the signal's SHA-256.
            **facts: what else is to be kept.
        """
        said = {"action": action, "signal_id": signal_id, "sha256": sha256, "facts": facts}
        return self.extend([said])

    def extend(self, entries: Iterable[Mapping[str, Any]]) -> int:
        """Write lines, all of them or none, and return the last sequence number.

        Each entry has `action`, and may have `signal_id`, `sha256`, `facts` and `time_ns`.
        """
        given = list(entries)
        with self._exclusive():
            head = self._current()
            return self._write(head, given).seq if given else head.seq

    def _write(self, head: Head, entries: list[Mapping[str, Any]]) -> Head:
        now, lines = time_ns(), []
        following = head
        for entry in entries:
            line, chain = self._chaining.next_line(following, {"time_ns": now, **entry})
            following = Head(following.seq + 1, chain, head.file, following.size + len(line))
            lines.append(line)
        piece = b"".join(lines)
        # What is written together stays together: it is all there, or none of it.
        if self._is_full(head, len(piece), now):
            file = self._rotate(head, now).file
            following = Head(following.seq, following.chain, file, len(piece))
        self._put(following, piece)
        return following

    def _is_full(self, head: Head, size: int, now: int) -> bool:
        if not head.file:
            return True
        too_large = head.size > 0 and head.size + size > self._max_bytes
        return too_large or (self._by_day and head.file.partition("-")[2][:10] != day_of(now))

    def _rotate(self, head: Head, now: int) -> Head:
        """Begin the next file. The head names it before there is a line in it."""
        name = f"{number_of(head.file) + 1:06d}-{day_of(now)}.jsonl"
        self._follow(name)
        if self._sync:
            sync_folder(self.folder)
        following = Head(head.seq, head.chain, name, 0)
        self._put(following, b"")
        return following

    def _put(self, head: Head, piece: bytes) -> None:
        """Write the lines that end at a head, and then the head."""
        if piece:
            self._follow(head.file)
            try:
                written = os.write(self._file, piece)
                while written < len(piece):
                    written += os.write(self._file, piece[written:])
                if self._sync:
                    os.fdatasync(self._file)
            except OSError as exc:
                os.ftruncate(self._file, head.size - len(piece))
                raise cannot_write(self.folder / head.file, exc) from exc
        if head.file:
            try:
                os.pwrite(self._head, head.to_bytes(self._chaining), 0)
            except OSError as exc:
                raise cannot_write(self.folder / HEAD_FILE, exc) from exc

    # --- where the log stands ----------------------------------------------------------------

    def _current(self) -> Head:
        """Return the head; called with the lock held, by every writer before it writes."""
        try:
            head = Head.from_bytes(os.pread(self._head, HEAD_BYTES, 0), self._chaining)
        except (ValueError, RecursionError) as exc:
            raise CorruptRecording(self.folder / HEAD_FILE, str(exc), _VERIFY) from exc
        if not head.file:
            return head
        self._follow(head.file)
        size = os.fstat(self._file).st_size
        if size < head.size:
            raise CorruptRecording(
                self.folder / head.file,
                f"it has {size} bytes, and {head.size} were acknowledged",
                _VERIFY,
            )
        return head if size == head.size else self._repair(head, size)

    def _repair(self, head: Head, size: int) -> Head:
        """Take in whole lines that nobody acknowledged, and cut away the rest."""
        rest = os.pread(self._file, size - head.size, head.size)
        *lines, _torn = rest.split(b"\n")
        for line in lines:
            try:
                entry, text = self._chaining.read(line)
            except (ValueError, RecursionError):
                break
            if entry.seq != head.seq + 1 or not self._chaining.follows(entry, text, head.chain):
                break
            head = Head(entry.seq, entry.chain, head.file, head.size + len(line) + 1)
            rest = rest[len(line) + 1 :]
        self._put(head, b"")
        if not rest:
            return head
        os.ftruncate(self._file, head.size)
        facts = {"cut_bytes": len(rest), "cut_sha256": hashlib.sha256(rest).hexdigest()}
        head = self._write(head, [{"action": "repaired", "facts": facts}])
        warnings.warn(
            f"{self.folder / head.file}: {len(rest)} bytes were cut away that a killed writer left "
            "unfinished; nothing that was acknowledged is lost",
            CaptureWarning,
            stacklevel=2,
        )
        return head

    def _follow(self, name: str) -> None:
        """Have the named file open: another writer may have begun it."""
        if name == self._name:
            return
        try:
            file = os.open(self.folder / name, _FLAGS, 0o644)
        except OSError as exc:
            raise cannot_write(self.folder / name, exc) from exc
        if self._file >= 0:
            os.close(self._file)
        self._name, self._file = name, file

    # --- opening and closing -----------------------------------------------------------------

    def _open(self) -> None:
        """Open the log, or make it; called again in the child of a fork."""
        self._mutex = Lock()
        self._process = os.getpid()
        self._name, self._file = "", -1
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._head = self._locked_head()
        except OSError as exc:
            raise cannot_write(self.folder / HEAD_FILE, exc) from exc
        with self._exclusive():
            self._current()

    def _locked_head(self) -> int:
        """Return the head's file, which is also what writers lock; of a new log, make it first."""
        path = self.folder / HEAD_FILE
        folder = os.open(self.folder, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            if not path.exists():
                files = audit_files(self.folder)
                if files:
                    raise CorruptRecording(path, f"it is missing beside {files[-1].name}", _VERIFY)
                head = Head(0, self._chaining.seed(), "", 0)
                write_atomically(path, head.to_bytes(self._chaining), sync=self._sync)
            return os.open(path, os.O_RDWR | os.O_CLOEXEC)
        finally:
            os.close(folder)

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        """Keep other threads and processes out."""
        if self._process != os.getpid():
            self._forget()  # the files' locks are the parent's, and so is a mutex that is held
            self._open()
        with self._mutex:
            if self._head < 0:
                raise StoreError(self.folder, "this audit log is closed", "open it again")
            fcntl.flock(self._head, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.flock(self._head, fcntl.LOCK_UN)

    def _forget(self) -> None:
        for file in (self._file, self._head):
            if file >= 0:
                os.close(file)
        self._name, self._file, self._head = "", -1, -1

    def close(self) -> None:
        """Let go of the log; doing it twice is allowed."""
        with self._mutex:
            if self._sync and self._head >= 0:
                sync_file(self.folder / HEAD_FILE)
            self._forget()

    def __enter__(self) -> Self:
        """Return the log."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()


def read_audit(folder: str | Path, *, since_ns: int | None = None) -> Iterator[AuditEntry]:
    """Yield the lines of a log in order, without checking the chain; a torn last one is left out.

    Args:
        folder: the log.
        since_ns: leave out files that ended on a day before this moment's.

    Raises:
        CorruptRecording: a line cannot be read.
    """
    chaining = Chaining()
    files = audit_files(Path(folder))
    if since_ns is not None:
        day = day_of(since_ns)
        # A file is named for the day that it begins on, and may hold lines of the next.
        later = (n for n, path in enumerate(files) if path.stem.partition("-")[2] >= day)
        files = files[max(next(later, len(files)) - 1, 0) :]
    for path in files:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if not line.endswith(b"\n"):
                    break
                try:
                    yield chaining.read(line[:-1])[0]
                except (ValueError, RecursionError) as exc:
                    raise CorruptRecording(path, f"line {number}: {exc}", _VERIFY) from exc
