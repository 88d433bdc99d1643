"""What stands between a strategy and the host's own methods: its calls, and the host's trades."""

from __future__ import annotations

from typing import Any, Final

from bt.core import SecurityBase, StrategyBase

from capture_bt.execution import Execution, Voice
from capture_bt.reading import Looked, LookedAbove, LookedAt

__all__ = ["HeardParent", "HeardSecurity", "HeardStrategy", "QuietSecurity", "QuietStrategy"]

_NAN: Final = float("nan")


def _speaking(strategy: Any) -> Execution | None:
    """Return the execution in which a call of the strategy's own is being made; else None."""
    voice = strategy.__dict__.get("_capture")
    if type(voice) is not Voice:
        return None
    execution = voice.execution
    return execution if execution.running and not execution.depth else None


class QuietStrategy(StrategyBase):
    """Hears what changes the account, whoever does it, and nodes that are added."""

    def adjust(
        self, amount: float, update: bool = True, flow: bool = True, fee: float = 0.0
    ) -> None:
        """Hear money that comes and goes; the host tells of a trade's commission here."""
        voice = self.__dict__.get("_capture")
        if type(voice) is not Voice:
            super().adjust(amount, update, flow, fee)
            return
        execution = voice.execution
        if execution.running and not execution.depth:
            said = {"amount": amount, "update": update, "flow": flow, "fee": fee}
            execution.session.intents.adjust(self, voice, said, super().adjust)
            return
        execution.fee = fee
        super().adjust(amount, update, flow, fee)

    def _add_children(self, children: Any, dc: bool) -> None:
        super()._add_children(children, dc)
        voice = self.__dict__.get("_capture")
        if type(voice) is Voice:
            voice.execution.session.added(self, voice)


class HeardStrategy(Looked, QuietStrategy):
    """Hears every call of a strategy that says what it wants."""

    def update(self, date: Any, data: Any = None, inow: Any = None) -> None:
        """Note that the tree is brought up to date: weights and values are others afterwards."""
        execution = self._capture.execution
        if execution.depth or not execution.running:
            super().update(date, data, inow)
            return
        if self is execution.root:
            execution.updated = True
        else:
            execution.session.intents.updated_above(self, execution, date)
        execution.depth = 1
        try:
            super().update(date, data, inow)
        finally:
            execution.depth = 0

    def rebalance(self, weight: float, child: Any, base: float = _NAN, update: bool = True) -> None:
        """Hear that a weight is wanted."""
        voice = self._capture
        execution = voice.execution
        if execution.depth or not execution.running:
            super().rebalance(weight, child, base, update)
            return
        execution.session.intents.rebalance(
            self, voice, weight, child, base, update, super().rebalance
        )

    def allocate(self, amount: float, child: Any = None, update: bool = True) -> None:
        """Hear that money is put into a child, or into all."""
        execution = _speaking(self)
        if execution is None:
            super().allocate(amount, child, update)
            return
        said = {"amount": amount, "update": update}
        execution.session.intents.allocate(
            self, self._capture, child, said, lambda: super(HeardStrategy, self).allocate(
                amount, child, update)
        )  # fmt: skip

    def transact(self, q: float, child: Any = None, update: bool = True) -> None:
        """Hear that so much of a child is bought or sold."""
        execution = _speaking(self)
        if execution is None:
            super().transact(q, child, update)
            return
        said = {"q": q, "update": update}
        execution.session.intents.transact(
            self, self._capture, child, said, lambda: super(HeardStrategy, self).transact(
                q, child, update)
        )  # fmt: skip

    def close(self, child: Any, update: bool = True) -> None:
        """Hear that a child is closed."""
        execution = _speaking(self)
        if execution is None:
            super().close(child, update)
            return
        execution.session.intents.close(
            self, self._capture, child, update,
            lambda: super(HeardStrategy, self).close(child, update),
        )  # fmt: skip

    def flatten(self) -> None:
        """Hear that everything is closed."""
        execution = _speaking(self)
        if execution is None:
            super().flatten()
            return
        execution.session.intents.flatten(self, self._capture, super().flatten)


class HeardParent(LookedAbove, HeardStrategy):
    """The same of a strategy with others below it."""


class QuietSecurity(SecurityBase):
    """Hears every trade, and a strategy that trades a security directly."""

    def allocate(self, amount: float, update: bool = True) -> None:
        """Hear that money is put into the security."""
        execution = _speaking(self.parent)
        if execution is None:
            super().allocate(amount, update)
            return
        said = {"amount": amount, "update": update, "security": True}
        execution.session.intents.allocate(
            self.parent, self.parent._capture, self.name, said,
            lambda: super(QuietSecurity, self).allocate(amount, update),
        )  # fmt: skip

    def transact(
        self, q: float, update: bool = True, update_self: bool = True, price: float | None = None
    ) -> None:
        """Hear that so much is traded, which is what all calls come to."""
        voice = self.parent.__dict__.get("_capture")
        if type(voice) is not Voice:
            super().transact(q, update, update_self, price)
            return
        execution = voice.execution
        if execution.running and not execution.depth:
            said = {"q": q, "update": update, "security": True, "update_self": update_self,
                    "price": price}  # fmt: skip
            execution.session.intents.transact(
                self.parent, voice, self.name, said,
                lambda: self.transact(q, update, update_self, price),
            )  # fmt: skip
            return
        before = self._position
        super().transact(q, update, update_self, price)
        after = self._position
        if after != before and not execution.paper:
            execution.session.fills.traded(voice, self, q, before, after, price)


class HeardSecurity(LookedAt, QuietSecurity):
    """Hears also what is looked at."""
