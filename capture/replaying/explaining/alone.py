"""A fill that one of two runs has alone: what kept the other from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from capture.events import Reason
from capture.replaying.explaining.matched import asked_of
from capture.replaying.explaining.sides import order_like
from capture.store.explanations import Cause

if TYPE_CHECKING:
    from collections.abc import Mapping

    from capture.replaying.explaining.sides import Leg, Side

__all__ = ["Alone", "Found"]

_REFUSED: Final = frozenset(
    {
        Reason.INSUFFICIENT_MARGIN,
        Reason.INSUFFICIENT_CASH,
        Reason.REJECTED_BY_BROKER,
        Reason.RISK_LIMIT,
        Reason.INVALID_ORDER,
        Reason.OUT_OF_MONEY,
        Reason.CANCELLED_BY_BROKER,
    }
)


@dataclass(frozen=True)
class Found:
    """Why a fill is alone.

    Attributes:
        cause: the cause.
        detail: how it comes to that.
        follows: whether it follows from the difference that parted the positions.
    """

    cause: Cause
    detail: str = ""
    follows: bool = False


@dataclass(frozen=True)
class Alone:
    """A fill that the other run has no counterpart of.

    Attributes:
        mine: the run that has it.
        other: the run that lacks it.
        leg: the fill.
        held: position of the other run before it.
        mine_held: position of its own run before it.
        missing: whether it is the replay that lacks it.
        collapsed: whether the replay made positions of what was recorded, without prices.
        targets: direction that was replayed, by decision; None where everything was.
        narrowed: whether the replay was told to leave signals out.
    """

    mine: Side
    other: Side
    leg: Leg
    held: float
    mine_held: float
    missing: bool
    collapsed: bool
    targets: Mapping[tuple[str | None, int | None], int] | None
    narrowed: bool

    def found(self) -> Found:
        """Return why it is alone."""
        for reason in (
            self._finalised,
            self._protected,
            self._not_replayed,
            self._parted,
            self._held_already,
            self._refused,
            self._waiting,
            self._rounded,
            self._at_the_end,
        ):
            found = reason()
            if found is not None:
                return found
        return Found(Cause.UNEXPLAINED)

    @property
    def _decision(self) -> tuple[str | None, int | None]:
        return self.leg.symbol, self.leg.decision

    def _finalised(self) -> Found | None:
        rules, bars = self.mine.rules, self.mine.bars.get(self.leg.symbol)
        if rules is None or not rules.finalises or bars is None or self.leg.decision is not None:
            return None
        last = self.leg.bar == bars.rows - 1
        return Found(Cause.FINALISED, f"{self.mine.host} closes at the end") if last else None

    def _protected(self) -> Found | None:
        """A stop-loss, a take-profit or a trailing stop: where prices were left out, it is none."""
        leg = self.leg
        if not (self.missing and self.collapsed and leg.waited):
            return None
        what = "" if leg.order is None else str(leg.order["order_type"] or "")
        word = f"its {what} order" if what not in {"", "market"} else "its stop-loss or take-profit"
        return Found(Cause.ORDER_TYPE, f"{word} is not replayed")

    def _not_replayed(self) -> Found | None:
        if self.leg.decision is None:
            return None
        if self.narrowed and not self._ordered():
            told = "left out" if self.missing else "an exit that was added"
            return Found(Cause.FILTERED, told)
        if not self.missing or self.targets is None or self._decision in self.targets:
            return None
        if any(order_like(order) for order in self.mine.orders_of(self._decision)):
            return Found(Cause.ORDER_TYPE, "an order that waits for a price is not replayed")
        return None

    def _ordered(self) -> bool:
        """Say whether the other run has an order that this fill could be one of."""
        orders = self.other.orders_of(self._decision)
        return any(self.leg.closes or order["side"] == self.leg.side for order in orders)

    def _parted(self) -> Found | None:
        """The two do not hold the same side any more, so that there is something else to do."""
        held, leg = self.held, self.leg
        if (held > 0) - (held < 0) == (self.mine_held > 0) - (self.mine_held < 0):
            return None
        if leg.closes and held * leg.side >= 0:
            what = "nothing" if held == 0 else "the other side"
            return Found(Cause.CONSEQUENCE, f"the other run holds {what}", follows=True)
        if not leg.closes and held * leg.side > 0:
            return Found(Cause.CONSEQUENCE, "the other run holds it already", follows=True)
        return None

    def _held_already(self) -> Found | None:
        """What is wanted is held: nothing is added, and nothing left to be entered again."""
        if not self.missing or not self.collapsed or self.targets is None:
            return None
        wanted = self.targets.get(self._decision, 0)
        return Found(Cause.HELD, f"{self.held:g} units") if wanted * self.held > 0 else None

    def _refused(self) -> Found | None:
        said = [r for status, r in self.other.reasons.get(self._decision, ()) if r in _REFUSED]
        if not said:
            return None
        asked = asked_of(self.mine, self.leg)
        cost = "" if asked is None else f", {abs(self.leg.units) * self.leg.price:,.2f} were needed"
        return Found(Cause.REFUSED, f"{self.other.host} says {said[0]}{cost}")

    def _waiting(self) -> Found | None:
        """Of an order that waited for a price in the other run, which never came."""
        if self.missing or not self.collapsed:
            return None
        orders = self.other.orders_of(self._decision)
        if not any(order_like(order) for order in orders):
            return None
        kind = next(str(order["order_type"]) for order in orders if order_like(order))
        return Found(Cause.ORDER_TYPE, f"its {kind} order was not filled, and is a target now")

    def _rounded(self) -> Found | None:
        if self.leg.closes or self.other.rules is None or self.other.rules.sized is None:
            return None
        asked = asked_of(self.mine, self.leg)
        said = None if asked is None else self.other.rules.sized(asked)
        if (
            said is None
            or said.units != 0
            or any(
                reason != Reason.SIZED_TO_ZERO
                for _, reason in self.other.reasons.get(self._decision, ())
            )
        ):
            return None
        return Found(Cause.ROUNDING, f"{said.how}: {said.exact:g} are none")

    def _at_the_end(self) -> Found | None:
        rules, bars = self.other.rules, self.other.bars.get(self.leg.symbol)
        if rules is None or bars is None or self.leg.decision is None:
            return None
        ends = self.leg.decision + rules.delay >= bars.rows
        return Found(Cause.AT_THE_END, f"bar {bars.rows} is past the last one") if ends else None
