"""From the entries of a tracker to the repository and the audit log, a batch at a time."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from capture.errors import CaptureError, StoreError
from capture.lifecycle.audit import read_audit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from capture.lifecycle.audit import AuditLog
    from capture.lifecycle.entries import Entry

__all__ = ["Storing"]

_LOG: Final = logging.getLogger("capture.lifecycle")


@dataclass
class Storing:
    """Stores entries, all or one by one; owned by the writer's thread.

    Attributes:
        repository: where they go.
        audit: where it is written down, if anywhere.
        stored: how many entries the repository has by now.
        refused: how many it will never have.
        first_refusal: the error of the first that nobody was told of yet.
    """

    repository: Any
    audit: AuditLog | None
    stored: int = 0
    refused: int = 0
    first_refusal: CaptureError | None = None
    recovering_since_ns: int | None = None
    """When the first of the killed processes began whose entries are stored now."""
    _written: Counter[tuple[Any, ...]] | None = None
    _lines: list[dict[str, Any]] = field(default_factory=list)

    def store(self, entries: Sequence[Entry]) -> None:
        """Store entries: new signals first, and then, in order, what became of signals.

        It may be called again with the same entries if it raised: what is done is not done again.

        Raises:
            StoreError: the database or the audit log cannot be used just now.
        """
        for entry in self._there_already(entries):
            self._finished(entry)
        for kind, write in (("saved", self._save), ("status", self._update)):
            waiting = [entry for entry in entries if entry.kind == kind and not entry.done]
            if waiting:
                self._write(waiting, write)
        self._tell()

    def _write(self, entries: Sequence[Entry], write: Callable[[Sequence[Entry]], None]) -> None:
        """Write entries in one transaction; if one of them is at fault, each in its own."""
        try:
            write(entries)
        except StoreError:
            raise
        except CaptureError as error:
            if len(entries) == 1:
                self._refuse(entries[0], error)
                return
            for entry in entries:
                self._write([entry], write)
        else:
            for entry in entries:
                self._finished(entry)

    def _save(self, entries: Sequence[Entry]) -> None:
        self.repository.save_signals([entry.values for entry in entries])

    def _update(self, entries: Sequence[Entry]) -> None:
        self.repository.update_signal_statuses([entry.values for entry in entries])

    def _finished(self, entry: Entry) -> None:
        entry.done = True
        self.stored += 1
        if self.audit is not None and not self._is_written_down(entry):
            facts = {k: v for k, v in entry.values.items() if k != "signal_id"}
            line = {"action": entry.kind, "signal_id": entry.signal_id, "facts": facts}
            self._lines.append(line)

    def _refuse(self, entry: Entry, error: CaptureError) -> None:
        entry.done = True
        self.refused += 1
        self.first_refusal = self.first_refusal or error
        _LOG.warning("refused: %s", error)
        if self.audit is not None:
            facts = {"entry": entry.kind, "problem": str(error)}
            line = {"action": "refused", "signal_id": entry.signal_id, "facts": facts}
            self._lines.append(line)

    def _tell(self) -> None:
        """Write down what was done, with the digest under which the database has each signal."""
        if self.audit is None or not self._lines:
            return
        ids = {line["signal_id"] for line in self._lines}
        digests = {
            record.signal_id: record.sha256
            for record in self.repository.get_signals({"signal_id": sorted(ids)})
        }
        self.audit.extend(
            {**line, "sha256": digests.get(line["signal_id"])} for line in self._lines
        )
        self._lines.clear()

    # --- after a kill ------------------------------------------------------------------------

    def _is_written_down(self, entry: Entry) -> bool:
        """Say whether a killed process wrote an entry into the audit log itself."""
        if not entry.recovered or self.audit is None:
            return False
        if self._written is None:
            lines = read_audit(self.audit.folder, since_ns=self.recovering_since_ns)
            self._written = Counter(
                (line.action, line.signal_id, line.facts.get("status"), line.facts.get("at_ns"))
                for line in lines
            )
        mark = (entry.kind, entry.signal_id, entry.values["status"], entry.values["at_ns"])
        self._written[mark] -= 1
        return self._written[mark] >= 0

    def _there_already(self, entries: Iterable[Entry]) -> list[Entry]:
        """Return the entries of a killed process that it could still store itself.

        It stored them in order, so that those of one signal that are there are the first of them.
        """
        found = []
        histories: dict[str, Counter[tuple[str, int]]] = {}
        for entry in entries:
            if not entry.recovered or entry.done:
                continue
            if entry.signal_id not in histories:
                rows = self.repository.get_history(entry.signal_id, every=True)
                histories[entry.signal_id] = Counter((str(row.status), row.at_ns) for row in rows)
            history = histories[entry.signal_id]
            mark = (entry.values["status"], entry.values["at_ns"])
            if history[mark]:
                history[mark] -= 1
                found.append(entry)
        return found
