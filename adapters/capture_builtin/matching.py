"""At which price a bar fills an order: of several stories that a bar could tell, the worse one.

A bar says four prices, and not in which order they came. What is certain is used; where two things
could have happened, the one that is worse for the portfolio did: of a stop-loss and a take-profit
in one bar the stop-loss, and of a stop-limit that was triggered inside a bar, no fill on that bar
unless its limit was better than the trigger.
"""

from __future__ import annotations

from math import inf
from typing import NamedTuple

__all__ = ["Protection", "left_at", "reached"]


def reached(
    side: float, opened: float, high: float, low: float, limit: float | None, stop: float | None
) -> tuple[float | None, bool]:
    """Return the price at which a bar fills an order, if it does, and whether it triggered a stop.

    Args:
        side: 1 of what buys, -1 of what sells.
        opened: first price of the bar.
        high: its highest.
        low: its lowest.
        limit: pay no more, or take no less.
        stop: wait until the price comes here.
    """
    if side < 0.0:  # the same with every price turned round
        price, triggered = reached(
            1.0,
            -opened,
            -low,
            -high,
            None if limit is None else -limit,
            None if stop is None else -stop,
        )
        return (None if price is None else -price), triggered
    if stop is None:
        return _limited(opened, low, limit), False
    if opened >= stop:  # a gap: it is triggered where the bar begins
        return _limited(opened, low, limit), True
    if high < stop:
        return None, False
    return (stop if limit is None or limit >= stop else None), True


def _limited(opened: float, low: float, limit: float | None) -> float | None:
    """Return at which price a bar is bought from its beginning on."""
    if limit is None or opened <= limit:
        return opened
    return limit if low <= limit else None


class Protection(NamedTuple):
    """Where a position is left without a signal; prices are absolute.

    Attributes:
        stop_loss: here if it goes wrong.
        take_profit: here if it goes well.
        trail: here if it comes back from its best.
    """

    stop_loss: float | None
    take_profit: float | None
    trail: float | None


def left_at(
    side: float,
    opened: float,
    high: float,
    low: float,
    protection: Protection,
    *,
    begun: bool,
) -> tuple[float, str] | None:
    """Return at which price a bar leaves a position, and which protection did it.

    Args:
        side: 1 of a long position, -1 of a short one.
        opened: first price of the bar.
        high: its highest.
        low: its lowest.
        protection: the prices.
        begun: whether the position was held when the bar began; one that came to be inside the
            bar can be stopped on it, but takes no profit, for the best price may lie before it.
    """
    if side < 0.0:
        turned = Protection(*(None if price is None else -price for price in protection))
        found = left_at(1.0, -opened, -low, -high, turned, begun=begun)
        return None if found is None else (-found[0], found[1])
    stop, word = -inf, "stop_loss"
    if protection.stop_loss is not None:
        stop = protection.stop_loss
    if protection.trail is not None and protection.trail > stop:
        stop, word = protection.trail, "trail"
    if begun and opened <= stop:  # a gap through the stop is paid for
        return opened, word
    take = protection.take_profit
    if begun and take is not None and opened >= take:
        return opened, "take_profit"
    if low <= stop:
        return stop, word
    if begun and take is not None and high >= take:
        return take, "take_profit"
    return None
