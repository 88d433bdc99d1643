"""Fills that are recorded a block at a time, where nobody hears of them while the run goes on."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any, Final

import backtrader as bt
import numpy as np

from capture.recorder.ending import why_stopped

if TYPE_CHECKING:
    from capture.journal import Following
    from capture_backtrader.ear import Ear

__all__ = ["FILLED", "Deferring"]

FILLED: Final = frozenset({bt.Order.Partial, bt.Order.Completed})
"""What the host says of an order of which a piece was filled."""


class Deferring:
    """Keeps fills until their block is recorded, and says in the journal how far they are there.

    Attributes:
        most: how many numbers are noted until the fills among them are recorded; 0 where each fill
            is recorded as it happens.
        due: how many numbers there are when fills are recorded next.
        pieces: the fills until then, piece by piece, as the host tells of them.
        numbers: four of each: those of signal and order, its bar, and that of the intent.
    """

    def __init__(self, ear: Ear) -> None:
        """Record each fill as it happens, until told otherwise."""
        self._ear = ear
        self.most = self.due = 0
        self._at_once = False
        self.pieces: list[Any] = []
        self.numbers = array("q")
        self._following: Following | None = None

    def begin(self, most: int) -> None:
        """Record fills a block at a time: as soon as so many numbers were noted."""
        assert self._ear.session is not None
        if not self._at_once:
            self.most = self.due = most
            self._following = self._ear.session.engine.fills_follow(self._ear.failed)

    def attend(self) -> None:
        """Record the fills so far, and each that follows as it happens.

        An order that is none of the recorded ones, or that is in another trade, makes host's trades
        begin and end otherwise than the fills say; so it matters which trades there are by then.
        """
        self._at_once = True
        if self.most:
            self.finish()
            self.most = 0

    def settle(self) -> None:
        """Record the fills that were kept."""
        pieces, numbers = self.pieces[:], np.array(self.numbers).reshape(-1, 4).T
        self.pieces.clear()
        del self.numbers[:]
        if not self.most or self._ear.writer is None:
            return
        outcomes = self._ear.outcomes
        self.due = len(outcomes.noted) + self.most
        if not pieces:
            return
        try:
            outcomes.trading.settle(pieces, *numbers)
        except Exception as exc:
            assert self._ear.session is not None
            self._ear.failed(why_stopped(exc, self._ear.session.config))

    def make_room(self) -> None:
        """Record the fills so far, and say in the journal up to which signal they are there."""
        self.settle()
        session, placed = self._ear.session, self._ear.outcomes.placed
        if session is None or self._following is None or self._ear.writer is None:
            return
        broker = session.cerebro.broker
        open_ = (*broker.pending, *broker.submitted, *broker.notifs)
        waiting = (placed.get(order.ref) for order in open_ if order is not None)
        self._following.up_to(each.signal_seq for each in waiting if each)

    def finish(self) -> None:
        """Record the fills that are left."""
        self.settle()
        if self._following is not None and self._ear.writer is not None:
            self._following.done()
