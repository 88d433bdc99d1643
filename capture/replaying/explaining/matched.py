"""Two fills that stand for one another: which columns differ, and what each comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from capture.contracts.fill_rules import Asked, Sized
from capture.replaying.explaining.sides import order_like
from capture.store.explanations import Cause, Gap

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from capture.replaying.explaining.sides import Leg, Side

    _Fill = tuple[float, float, float]

__all__ = ["Pair", "asked_of", "close_to", "quoted", "sized_of"]

_NEAR: Final = 1e-9
"""How much the same arithmetic in another order may differ, as a part of the value."""


def close_to(one: float, other: float) -> bool:
    """Say whether two numbers are the same but for the order of the arithmetic."""
    return abs(one - other) <= _NEAR * max(abs(one), abs(other))


class Quoted(NamedTuple):
    """Where the price of a fill comes from.

    Attributes:
        bar: the bar.
        place: which price of it.
        price: that price, before slippage.
        waits: whether a price was waited for.
    """

    bar: int
    place: str
    price: float
    waits: bool

    def __str__(self) -> str:
        return self.place if self.waits else f"{self.place} of bar {self.bar}"


def quoted(side: Side, leg: Leg) -> Quoted | None:
    """Return where the price of a fill comes from; None if the rules do not come to it exactly."""
    rules, bars = side.rules, side.bars.get(leg.symbol)
    if rules is None or bars is None or rules.slipped is None:
        return None
    for found in _candidates(side, leg):
        prices = bars.at(found.bar)
        opens = not leg.closes
        paid = rules.slipped(found.price, leg.side, opens, prices)
        if paid == leg.price or (found.waits and found.price == leg.price):
            return found
    return None


def _candidates(side: Side, leg: Leg) -> Iterator[Quoted]:
    rules, bars = side.rules, side.bars[leg.symbol]
    assert rules is not None
    if leg.order is not None and (leg.waited or order_like(leg.order)):
        for name, price in leg.order.items():
            if name in _WAITED_FOR and price is not None:
                yield Quoted(leg.bar, f"{_WAITED_FOR[name]} {price:g}", price, True)
        yield Quoted(leg.bar, "open", bars.at(leg.bar).get("open", np.nan), True)
        return
    if leg.decision is None or leg.bar != leg.decision + rules.delay:
        return
    prices = bars.at(leg.bar)
    price = prices.get(rules.place, np.nan) if rules.price is None else rules.price(prices)
    yield Quoted(leg.bar, rules.place, price, False)


_WAITED_FOR: Final = {
    "stop_loss": "stop-loss at",
    "take_profit": "take-profit at",
    "limit_price": "limit at",
    "stop_price": "stop at",
}


def asked_of(side: Side, leg: Leg, first: Leg | None = None) -> Asked | None:
    """Return what the size of an entry is reckoned from.

    Args:
        side: the run.
        leg: the entry.
        first: the leg before which the account is looked at; the entry itself if there is none.
    """
    if leg.decision is None or np.isnan(leg.cash):
        return None
    bars = side.bars.get(leg.symbol)
    if bars is None:
        return None
    close, order = bars.close(leg.decision), leg.order
    start = leg if first is None or np.isnan(first.cash) else first
    size = None if order is None else order["size"]
    kind = None if order is None else order["size_kind"]
    if size is not None and (size != size or kind in {"sizer", "portion"}):
        size = None
    return Asked(
        leg.side,
        size,
        kind,
        leg.cash,
        start.cash + start.before * close,
        leg.cash + leg.before * leg.price,
        close,
        leg.price,
        start.before,
        start.cost,
    )


def _first_of(side: Side, leg: Leg) -> Leg:
    """Return the first leg of the same decision on the same bar."""
    mine = (
        one
        for one in side.legs
        if one.symbol == leg.symbol
        and one.bar == leg.bar
        and one.decision is not None
        and one.key[1] == leg.decision
    )
    return next(mine, leg)


def sized_of(side: Side, leg: Leg) -> Sized | None:
    """Return how the size of an entry was reckoned; None if the rules do not come to it.

    What is left on the way to the other side may still be held when the size is reckoned, or be
    paid for already where orders are filled at once.
    """
    rules = side.rules
    if rules is None or rules.sized is None:
        return None
    for first in (_first_of(side, leg), leg.half or leg, leg):
        for asked in _asked(side, leg, first):
            said = rules.sized(asked)
            if said is not None and close_to(said.units, abs(leg.units)):
                return said
    return None


def _asked(side: Side, leg: Leg, first: Leg) -> Iterator[Asked]:
    """Yield what the size may be reckoned from: an order may count what it leaves on its way."""
    asked = asked_of(side, leg, first)
    if asked is None:
        return
    yield asked
    if leg.half is not None and asked.size is not None and asked.size_kind == "units":
        yield asked._replace(size=abs(asked.size) - abs(leg.half.units))


@dataclass
class Pair:
    """Two legs that stand for one another.

    Attributes:
        original: side and leg of the recorded run.
        replayed: of the replay.
        opening: number of the difference in size of the legs that opened the position, if any.
    """

    original: tuple[Side, Leg]
    replayed: tuple[Side, Leg]
    opening: int | None = None

    def gaps(self, number: int) -> list[Gap]:
        """Return what differs; the first of these differences gets this number."""
        found: list[Gap] = []
        for one in (self._time(), *self._price(), self._size()):
            if one is not None:
                found.append(one)
        cost = self._commission(number, found)
        return found if cost is None else [*found, cost]

    def _gap(self, column: str, then: float, now: float, cause: Cause, detail: str = "") -> Gap:
        leg = self.original[1]
        return Gap(
            symbol=leg.symbol,
            decision_bar=leg.decision,
            bar_index=leg.bar,
            closes=leg.closes,
            column=column,
            original=then,
            replayed=now,
            cause=cause,
            detail=detail,
        )

    def _quotes(self) -> tuple[Quoted, Quoted] | None:
        then, now = quoted(*self.original), quoted(*self.replayed)
        return None if then is None or now is None else (then, now)

    def _time(self) -> Gap | None:
        (_, then), (_, now) = self.original, self.replayed
        if then.bar == now.bar:
            return None
        quotes = self._quotes()
        if quotes is None:
            return self._gap("bar_index", then.bar, now.bar, Cause.UNEXPLAINED)
        waits = quotes[0].waits != quotes[1].waits
        cause = Cause.ORDER_TYPE if waits else Cause.FILL_TIME
        return self._gap("bar_index", then.bar, now.bar, cause, f"{quotes[1]}, not {quotes[0]}")

    def _price(self) -> Iterator[Gap]:
        then, now = self.original[1], self.replayed[1]
        if then.price == now.price:
            return
        quotes = self._quotes()
        if quotes is None:
            yield self._gap("price", then.price, now.price, Cause.UNEXPLAINED)
            return
        was, became = quotes
        if was.price != became.price:
            cause = Cause.PRICE_RULE if was.place != became.place else Cause.FILL_TIME
            cause = Cause.ORDER_TYPE if was.waits != became.waits else cause
            yield self._gap("price", was.price, became.price, cause, f"{became}, not {was}")
        if was.waits != became.waits:
            if was.price == became.price:
                yield self._gap("price", then.price, now.price, Cause.ORDER_TYPE, f"{became}")
        elif was.price == became.price or not self._slips_alike(became):
            slipped = f"{now.price - became.price:g} a unit, not {then.price - was.price:g}"
            yield self._gap("price", then.price, now.price, Cause.SLIPPAGE, slipped)

    def _slips_alike(self, became: Quoted) -> bool:
        """Say whether the slippage of the original would have come to the replay's price."""
        (one, _), (other, now) = self.original, self.replayed
        assert one.rules is not None and one.rules.slipped is not None
        bar = other.bars[now.symbol].at(became.bar)
        paid = one.rules.slipped(became.price, now.side, not now.closes, bar)
        return paid == now.price or (became.waits and became.price == now.price)

    def _size(self) -> Gap | None:
        (one, then), (other, now) = self.original, self.replayed
        was, became = abs(then.units), abs(now.units)
        if was == became:
            return None
        if then.closes:
            whole = close_to(then.before, -then.units) and close_to(now.before, -now.units)
            share = close_to(was / abs(then.before), became / abs(now.before))
            if (whole or share) and self.opening is not None:
                held = f"what is held, {abs(now.before):g}, not {abs(then.before):g}"
                gap = self._gap("size", was, became, Cause.CONSEQUENCE, held)
                return _following(gap, self.opening)
            return self._gap("size", was, became, Cause.UNEXPLAINED)
        reckoned, again = sized_of(one, then), sized_of(other, now)
        if reckoned is None or again is None:
            return self._gap("size", was, became, Cause.UNEXPLAINED)
        same = close_to(reckoned.exact, again.exact)
        detail = f"{again.how}, not {reckoned.how}"
        return self._gap("size", was, became, Cause.ROUNDING if same else Cause.SIZING, detail)

    def _commission(self, number: int, found: list[Gap]) -> Gap | None:
        (one, then), (other, now) = self.original, self.replayed
        if then.commission == now.commission or close_to(then.commission, now.commission):
            return None
        was, became = _charged(one, then), _charged(other, now)
        if was is None or became is None:
            return self._gap("commission", then.commission, now.commission, Cause.UNEXPLAINED)
        assert one.rules is not None and one.rules.commission is not None
        units, price, cost = became[0]
        if found and all(
            close_to(one.rules.commission(units, price), cost) for units, price, cost in became
        ):
            gap = self._gap(
                "commission", then.commission, now.commission, Cause.CONSEQUENCE, "the same rate"
            )
            root = next((n for n, gap in enumerate(found) if gap.column != "bar_index"), 0)
            return _following(gap, number + root)
        rate = f"{cost:g} for {units:g} at {price:g}, not {one.rules.commission(units, price):g}"
        return self._gap("commission", then.commission, now.commission, Cause.COMMISSION, rate)


def _charged(side: Side, leg: Leg) -> Sequence[_Fill] | None:
    """Return the fills of a leg if the rules come to their commission, and None otherwise.

    An order that turns a position may be charged as one, and recorded as two.
    """
    rules = side.rules
    if rules is None or rules.commission is None:
        return None
    for fills in (leg.recorded, _together(leg)):
        if fills and all(close_to(rules.commission(u, price), cost) for u, price, cost in fills):
            return fills
    return None


def _together(leg: Leg) -> Sequence[_Fill]:
    half = leg.half
    if half is None:
        return ()
    return [(abs(leg.units) + abs(half.units), leg.price, leg.commission + half.commission)]


def _following(gap: Gap, number: int) -> Gap:
    said: Mapping[str, Any] = {**vars(gap), "follows": number}
    return Gap(**said)
