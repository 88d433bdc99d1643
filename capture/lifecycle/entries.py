"""What waits in a tracker: a signal to be saved, or a change of one's status."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import monotonic, time_ns
from typing import Any, Literal

from capture import checks
from capture.errors import InvalidEvent
from capture.events import SignalStatus
from capture.lifecycle.vocabulary import canonical_signal, canonical_update

__all__ = ["Entry", "signal_entry", "status_entry"]


@dataclass(slots=True)
class Entry:
    """One thing to be done to the repository.

    Attributes:
        kind: "saved" a new signal, "status" a change.
        signal_id: the signal.
        values: what the repository is given, already checked.
        place: its place in the spool, from 1; 0 if there is none.
        since: when it came, in the seconds of the monotonic clock.
        done: whether the repository has it, or refused it.
        recovered: whether it is what a killed process left; the repository may have it already.
    """

    kind: Literal["saved", "status"]
    signal_id: str
    values: dict[str, Any]
    place: int = 0
    since: float = field(default_factory=monotonic)
    done: bool = False
    recovered: bool = False

    def to_record(self) -> dict[str, Any]:
        """Return the entry as the spool keeps it."""
        return {"kind": self.kind, "signal_id": self.signal_id, "values": self.values}

    @classmethod
    def recover(cls, said: Mapping[str, Any]) -> Entry:
        """Return the entry that a spool kept."""
        return cls(said["kind"], said["signal_id"], dict(said["values"]), recovered=True)


def signal_entry(signal: Any, status: SignalStatus | str, fields: Mapping[str, Any]) -> Entry:
    """Check a signal now, while its giver can be told, and return it with its identity."""
    own = signal.get("status") if isinstance(signal, Mapping) else None
    if own is not None:
        signal = {name: value for name, value in signal.items() if name != "status"}
    state = SignalStatus(checks.status(status))
    if own is not None and state is SignalStatus.GENERATED:
        state = SignalStatus(checks.status(own))
    values = _with_extra(canonical_signal(signal, fields))
    now = time_ns()
    values.setdefault("signal_id", f"{now:016x}{secrets.token_hex(8)}")
    values.setdefault("at_ns", now)
    values["status"] = str(state)
    return Entry("saved", values["signal_id"], values)


def status_entry(signal_id: str, status: SignalStatus | str, fields: Mapping[str, Any]) -> Entry:
    """Check a change of status now, as far as that is possible without the database."""
    if not isinstance(signal_id, str) or not signal_id:
        raise InvalidEvent("signal_id", signal_id, "must be the identity of a signal")
    values = _with_extra(canonical_update(fields))
    values.setdefault("at_ns", time_ns())
    values |= {"signal_id": signal_id, "status": str(SignalStatus(checks.status(status)))}
    return Entry("status", signal_id, values)


def _with_extra(values: dict[str, Any]) -> dict[str, Any]:
    """Return checked fields with their extra fields as a mapping, as they can be given again."""
    if "extra" in values:
        values["extra"] = json.loads(values["extra"])
    return values
