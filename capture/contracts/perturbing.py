"""Rehearsals: runs under a host setting that is not the user's, and into a store that is not his.

`capture check-replay` runs the same script several times, each time with one setting of the host
perturbed. What a run needs to know of that travels in an environment variable, so that it also
reaches the processes that a host's optimiser starts.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from capture.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["PERTURB", "PERTURBATIONS", "Cut", "Perturbation", "Rehearsal", "rehearsal"]

PERTURB: Final = "CAPTURE_PERTURB"
"""The environment variable that says which setting is perturbed: `{"cash": 10}` as JSON."""

_STORE: Final = "store"
_CUT: Final = "cut"
_TRACE: Final = "trace"


@dataclass(frozen=True)
class Perturbation:
    """One setting of a host, changed by so much.

    Attributes:
        name: one of `PERTURBATIONS`.
        amount: by how much, as the name's own description says.
    """

    name: str
    amount: float


PERTURBATIONS: Final[Mapping[str, tuple[float, str]]] = {
    "cash": (10.0, "cash at the start, times this"),
    "little_cash": (0.1, "cash at the start, times this"),
    "commission": (0.01, "commission, as a share of the value, plus this"),
    "slippage": (0.01, "slippage or spread, as a share of the price, plus this"),
    "fill_on_close": (
        1.0,
        "orders are filled at the close they were given on, or not if they were",
    ),
}
"""Every perturbation: its usual amount, and what the amount means."""


@dataclass(frozen=True)
class Cut:
    """Which bars a rehearsed run keeps: those whose labels lie between two, both included.

    Attributes:
        first: label of the first bar, nanoseconds since 1970 in UTC, or its number where bars are
            only numbered; None of a cut that keeps the beginning.
        last: label of the last bar; None of a cut that keeps the end.
    """

    first: int | None = None
    last: int | None = None

    def keeps(self, label: int) -> bool:
        """Say whether a bar is kept."""
        return (self.first is None or label >= self.first) and (
            self.last is None or label <= self.last
        )


@dataclass(frozen=True)
class Rehearsal:
    """What a rehearsed run must know.

    Attributes:
        perturbation: the setting that the adapter changes before the run begins; None of the run
            that the others are compared with.
        store: folder under which everything is recorded, whatever store the user named.
        cut: which bars of the data the adapter leaves; None leaves all.
        trace: whether the adapter also keeps every indicator at every bar, with `keep_trace`.
    """

    perturbation: Perturbation | None
    store: Path | None
    cut: Cut | None = None
    trace: bool = False

    def place(self, root: str, *, create: bool) -> str:
        """Return where a store is during this rehearsal.

        What is recorded goes into a store of the rehearsal's own. What is read comes from there if
        something was recorded under this name, and otherwise from where the user has it.
        """
        if self.store is None:
            return root
        known = root if "://" in root else str(Path(root).expanduser().absolute())
        if Path(known).is_relative_to(self.store):
            return root
        own = self.store / hashlib.sha256(known.encode()).hexdigest()[:16]
        return str(own) if create or own.exists() else root

    def to_text(self) -> str:
        """Return the rehearsal as the environment variable says it."""
        said: dict[str, object] = {}
        if self.store is not None:
            said[_STORE] = str(self.store)
        if self.cut is not None:
            said[_CUT] = [self.cut.first, self.cut.last]
        if self.trace:
            said[_TRACE] = True
        if self.perturbation is not None:
            said[self.perturbation.name] = self.perturbation.amount
        return json.dumps(said)


def rehearsal() -> Rehearsal | None:
    """Return the rehearsal that this process is part of; None, almost always."""
    text = os.environ.get(PERTURB)
    return _read(text) if text else None


def _read(text: str) -> Rehearsal:
    try:
        said = json.loads(text)
        store = said.pop(_STORE, None)
        cut = said.pop(_CUT, None)
        cut = None if cut is None else Cut(*cut)
        trace = bool(said.pop(_TRACE, False))
        [*changes] = ((str(name), float(amount)) for name, amount in said.items())
    except (ValueError, TypeError, AttributeError) as exc:
        raise ConfigError(PERTURB, text, 'it must be like {"cash": 10}') from exc
    if len(changes) > 1 or any(name not in PERTURBATIONS for name, _ in changes):
        raise ConfigError(PERTURB, text, f"name one of {', '.join(PERTURBATIONS)}")
    return Rehearsal(
        Perturbation(*changes[0]) if changes else None,
        None if store is None else Path(store),
        cut,
        trace,
    )
