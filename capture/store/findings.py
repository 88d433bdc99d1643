"""What a verification found."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Finding", "Verification"]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something that is not as it was written.

    Attributes:
        run_id: run that is concerned; None for base data that no run uses.
        part: part of that run; None if it is the whole run.
        file: file, relative to the store.
        problem: what is wrong with it.
        first_seq: first event that is concerned; None if no event is.
        last_seq: last event that is concerned.
        signal_id: the signal that is concerned, where one can be named.
    """

    run_id: str | None
    part: int | None
    file: str
    problem: str
    first_seq: int | None = None
    last_seq: int | None = None
    signal_id: str | None = None

    def __str__(self) -> str:
        place = "" if self.run_id is None else f"run {self.run_id}"
        place += "" if self.part is None else f" part {self.part}"
        which = "" if self.first_seq is None else f", events {self.first_seq} to {self.last_seq}"
        signal = "" if self.signal_id is None else f", signal {self.signal_id}"
        return f"{place or 'base data'}: {self.file}: {self.problem}{which}{signal}"


@dataclass(frozen=True, kw_only=True)
class Verification:
    """What was checked, and what was found.

    Attributes:
        findings: everything that is wrong; empty if all is well.
        unsealed: runs that have not ended, with their state; what they recorded is not sealed yet.
        runs: how many ended runs were checked.
        files: how many files were hashed.
        signals: how many signals were checked one by one.
    """

    findings: tuple[Finding, ...] = ()
    unsealed: Mapping[str, str] = field(default_factory=dict)
    runs: int = 0
    files: int = 0
    signals: int = 0

    @property
    def ok(self) -> bool:
        """Whether everything that was checked is what was written."""
        return not self.findings

    def to_dict(self) -> dict[str, Any]:
        """Return the outcome as plain values."""
        return {**asdict(self), "ok": self.ok, "unsealed": dict(self.unsealed)}

    def __str__(self) -> str:
        checked = f"{self.runs} runs, {self.files} files, {self.signals} signals checked"
        if self.ok:
            return f"clean: {checked}"
        return "\n".join([f"{len(self.findings)} problems: {checked}", *map(str, self.findings)])
