"""Fills that are recorded some time after their signals, and how far they are there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from capture.errors import CaptureError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from capture.journal.writer import Journal

__all__ = ["Following", "flags_of_fills"]

_FLAG: Final = "fills_missing_after_seq"


class Following:
    """Says in the journal how far fills and statuses are there.

    Attributes:
        after: the last signal whose fills and statuses are recorded, or one before it; None when
            all are, and will be as they happen.
    """

    def __init__(self, journal: Journal, failed: Callable[[CaptureError], None]) -> None:
        """Say that the fills of signals from now on follow.

        Args:
            journal: where it is said.
            failed: is told of trouble with the journal later on, which ends no run.
        """
        self._journal = journal
        self._failed = failed
        self.after: int | None = None
        self._say(journal.seq - 1)

    def up_to(self, waiting: Iterable[int]) -> None:
        """Say that all fills so far are recorded.

        Args:
            waiting: signals that may have fills yet; numbers below 0 are none.
        """
        self._try(min((seq for seq in waiting if seq >= 0), default=self._journal.seq) - 1)

    def done(self) -> None:
        """Say that all fills are recorded, and that later ones will be as they happen."""
        if self.after is not None:
            self._try(None)

    @property
    def flags(self) -> dict[str, int]:
        """What a reader of the recording must know if it ends now."""
        return {} if self.after is None else {_FLAG: self.after}

    def _try(self, after: int | None) -> None:
        try:
            self._say(after)
        except CaptureError as exc:
            self._failed(exc)

    def _say(self, after: int | None) -> None:
        self._journal.declare({"declares": "fills", "after_seq": after})
        self.after = after


def flags_of_fills(declared: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Return what a reader must know of a recording whose journal says no more than this."""
    said = [each["after_seq"] for each in declared if each.get("declares") == "fills"]
    return {_FLAG: said[-1]} if said and said[-1] is not None else {}
