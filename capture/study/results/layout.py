"""Where everything lies in a store of results, and which names are safe to make folders of.

```text
index.sqlite                              a cache of the summaries; delete it when you like
<workflow_id>/metadata.json               what the workflow is, written when it begins
              summary.json                what came of it, written when it ends
              keep                        retention leaves this workflow alone
              removed.jsonl               what retention took away, and when
              phases/<phase>/phase.json   how far the phase is
                             metrics.parquet   one row per trial
                             trades.parquet    one row per trade
                             events/*.jsonl.gz what happened, a line each
                             parts/*.parquet   what is not in the two tables yet
```
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from capture.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["KINDS", "PhaseLayout", "ResultLayout", "WorkflowLayout", "check_name"]

KINDS: Final = ("events", "trades", "metrics", "summaries")
"""The kinds of data that have a retention of their own."""

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")


def check_name(what: str, name: str) -> str:
    """Return a name if it may become that of a folder."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ConfigError(what, name, "letters, digits, -, _ and . are allowed, 128 at most")
    return name


class PhaseLayout:
    """The paths of one phase."""

    __slots__ = ("events", "folder", "metrics", "parts", "record", "trades")

    def __init__(self, folder: Path) -> None:
        """Lay out a phase in this folder; nothing is created."""
        self.folder: Final = folder
        self.record: Final = folder / "phase.json"
        self.metrics: Final = folder / "metrics.parquet"
        self.trades: Final = folder / "trades.parquet"
        self.events: Final = folder / "events"
        self.parts: Final = folder / "parts"

    def metrics_part(self, number: int) -> Path:
        """Return the file whose presence says that a part is there."""
        return self.parts / f"{number:06d}.metrics.parquet"

    def trades_part(self, number: int) -> Path:
        """Return the file of a part's trades."""
        return self.parts / f"{number:06d}.trades.parquet"

    def events_part(self, number: int) -> Path:
        """Return the file of a part's events."""
        return self.events / f"{number:06d}.jsonl.gz"

    def part_numbers(self) -> list[int]:
        """Return the numbers of the parts that are complete and not in the tables yet."""
        return sorted(int(p.name[:6]) for p in self.parts.glob("[0-9]*.metrics.parquet"))

    def event_numbers(self) -> list[int]:
        """Return the numbers of the files of events."""
        return sorted(int(p.name[:6]) for p in self.events.glob("[0-9]*.jsonl.gz"))


class WorkflowLayout:
    """The paths of one workflow."""

    __slots__ = ("folder", "keep", "lock", "metadata", "phases", "removed", "summary")

    def __init__(self, folder: Path) -> None:
        """Lay out a workflow in this folder; nothing is created."""
        self.folder: Final = folder
        self.metadata: Final = folder / "metadata.json"
        self.summary: Final = folder / "summary.json"
        self.keep: Final = folder / "keep"
        self.removed: Final = folder / "removed.jsonl"
        self.lock: Final = folder / "lock"
        self.phases: Final = folder / "phases"

    def phase(self, name: str) -> PhaseLayout:
        """Return the paths of a phase."""
        return PhaseLayout(self.phases / check_name("phase", name))

    def phase_names(self) -> list[str]:
        """Return the names of the phases that were begun."""
        if not self.phases.is_dir():
            return []
        return sorted(path.name for path in self.phases.iterdir() if path.is_dir())


class ResultLayout:
    """The paths of one store of results."""

    __slots__ = ("index", "root")

    def __init__(self, root: Path) -> None:
        """Lay out a store in this folder; nothing is created."""
        self.root: Final = root
        self.index: Final = root / "index.sqlite"

    def workflow(self, workflow_id: str) -> WorkflowLayout:
        """Return the paths of a workflow."""
        return WorkflowLayout(self.root / check_name("workflow_id", workflow_id))

    def workflow_ids(self) -> list[str]:
        """Return the identities of the workflows that are there."""
        if not self.root.is_dir():
            return []
        return sorted(path.parent.name for path in self.root.glob("*/metadata.json"))
