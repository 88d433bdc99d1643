"""The lines, the chain and the head of an audit log, as they lie on disk.

A log is a folder. Its files are named by number and day (`000001-2024-01-31.jsonl`) and hold one
JSON object per line, as `capture.store.records.compact` writes it. The member `chain` of a line is

    SHA-256( the chain of the line before, as text | newline | the line without `chain` )

and goes on from file to file; with a key it is HMAC-SHA256 of the same. The head is the last line
that a writer has acknowledged; it is kept in `head.json`, beside the files.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass
from pathlib import Path
from time import time_ns
from typing import TYPE_CHECKING, Any, Final

from capture.store.records import compact, plain, time_text
from capture.store.signing import shared_secret

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["AUDIT_VERSION", "HEAD_FILE", "AuditEntry", "Chaining", "Head", "audit_files", "day_of"]

AUDIT_VERSION: Final = 1
# 1: first release

HEAD_FILE: Final = "head.json"
HEAD_BYTES: Final = 512
_PATTERN: Final = "[0-9]*-*.jsonl"


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One line of an audit log.

    Attributes:
        seq: place in the log, from 1.
        time: when it was written, in UTC.
        action: what happened.
        signal_id: the signal it happened to, if it was one.
        sha256: the signal's SHA-256, if there is one.
        facts: what else is known.
        chain: the chain up to this line.
    """

    seq: int
    time: str
    action: str
    signal_id: str | None
    sha256: str | None
    facts: Mapping[str, Any]
    chain: str


@dataclass(frozen=True, slots=True)
class Head:
    """The last acknowledged line: where it ends, and the chain up to it."""

    seq: int
    chain: str
    file: str
    size: int

    def to_bytes(self, chaining: Chaining) -> bytes:
        """Return the head in the fixed width in which it is overwritten."""
        said = {"chain": self.chain, "file": self.file, "seq": self.seq, "size": self.size}
        if chaining.keyed:
            said["mac"] = chaining.digest("head", compact(said))
        return compact(said).encode().ljust(HEAD_BYTES - 1) + b"\n"

    @classmethod
    def from_bytes(cls, data: bytes, chaining: Chaining) -> Head:
        """Return the head that was written; ValueError if these bytes are none."""
        said = json.loads(data)
        if not isinstance(said, dict):
            raise ValueError("the head is no JSON object")
        mac = said.pop("mac", None)
        if chaining.keyed and not _same(mac, chaining.digest("head", compact(said))):
            raise ValueError("the head was not written with this key")
        try:
            head = cls(int(said["seq"]), str(said["chain"]), str(said["file"]), int(said["size"]))
        except (KeyError, TypeError) as exc:
            raise ValueError(f"the head lacks {exc}") from exc
        if head.seq < 0 or head.size < 0 or "/" in head.file:
            raise ValueError("the head has values that no writer writes")
        return head


class Chaining:
    """Makes lines that are chained to those before, and checks them."""

    __slots__ = ("_secret",)

    def __init__(self, key: str | Path | None = None) -> None:
        """Chain with this shared key, or without one."""
        self._secret = None if key is None else shared_secret(Path(key))

    @property
    def keyed(self) -> bool:
        """Whether there is a key, without which no chain can be made."""
        return self._secret is not None

    def digest(self, before: str, text: str) -> str:
        """Return the chain after a text."""
        data = f"{before}\n{text}".encode()
        if self._secret is None:
            return hashlib.sha256(data).hexdigest()
        return hmac.digest(self._secret, data, "sha256").hex()

    def seed(self) -> str:
        """Return the chain before the first line."""
        return self.digest("", f"capture audit {AUDIT_VERSION}")

    def next_line(self, head: Head, said: Mapping[str, Any]) -> tuple[bytes, str]:
        """Return the line that comes after a head, and the chain after it."""
        bare = {
            "action": str(said["action"]),
            "facts": plain(said.get("facts") or {}),
            "seq": head.seq + 1,
            "sha256": said.get("sha256"),
            "signal_id": plain(said.get("signal_id")),
            "time": time_text(said.get("time_ns") or time_ns()),
        }
        text = compact(bare)
        chain = self.digest(head.chain, text)
        # `chain` sorts between `action` and `facts`, so that this is what `compact` would write.
        place = text.index(',"facts":')
        return f'{text[:place]},"chain":"{chain}"{text[place:]}\n'.encode(), chain

    def read(self, line: bytes) -> tuple[AuditEntry, str]:
        """Return a line, and its text without the chain; ValueError if it is none."""
        said = json.loads(line)
        if not isinstance(said, dict) or compact(said).encode() != line:
            raise ValueError("it is not as a writer writes it")
        try:
            entry = AuditEntry(**said)
        except TypeError as exc:
            raise ValueError("it has other members than a line has") from exc
        del said["chain"]
        return entry, compact(said)

    def follows(self, entry: AuditEntry, text: str, before: str) -> bool:
        """Say whether a line is chained to what came before it."""
        return _same(entry.chain, self.digest(before, text))


def _same(given: object, expected: str) -> bool:
    return isinstance(given, str) and hmac.compare_digest(given.encode(), expected.encode())


def day_of(moment_ns: int) -> str:
    """Return the UTC day that a moment lies in."""
    return time_text(moment_ns)[:10]


def audit_files(folder: Path) -> list[Path]:
    """Return the files of a log, in order."""
    return sorted(folder.glob(_PATTERN), key=lambda path: (number_of(path.name), path.name))


def number_of(name: str) -> int:
    """Return the number of a file, from its name; 0 of the name before there is a file."""
    number = name.partition("-")[0]
    return int(number) if number.isdigit() else 0
