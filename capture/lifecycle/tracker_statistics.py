"""What a tracker counted."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["TrackerStatistics"]


@dataclass(frozen=True, kw_only=True)
class TrackerStatistics:
    """A tracker's counts at one moment.

    Attributes:
        accepted: entries that were taken in.
        stored: entries that the repository has.
        refused: entries that the repository will not take, such as illegal changes of status.
        dropped: entries that the overload policy `drop` turned away.
        pending: entries that wait.
        recovered: entries that a killed process had left.
        batches: how often entries were stored.
        failures: how often the database could not be used.
        store_seconds: time spent storing.
    """

    accepted: int = 0
    stored: int = 0
    refused: int = 0
    dropped: int = 0
    pending: int = 0
    recovered: int = 0
    batches: int = 0
    failures: int = 0
    store_seconds: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return the counts by name."""
        return asdict(self)
