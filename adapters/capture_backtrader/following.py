"""What is put on one strategy while it runs: it hears of each step, of orders, and of the account.

It stands among the strategy's own attributes, where the host finds it at once, and is taken away at
the end. In a vectorised run nothing is called that the host would not call anyway: it tells each
strategy of its cash at each bar.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Any

import backtrader as bt

from capture_backtrader.ear import BAR, IN_BAR, IN_NOTIFICATIONS, NOTIFY
from capture_backtrader.hearing import is_heard
from capture_backtrader.quick import quick_calls
from capture_backtrader.steps import counts_steps

if TYPE_CHECKING:
    from collections.abc import Callable

    from capture_backtrader.ear import Ear
    from capture_backtrader.session import Session
    from capture_backtrader.steps import Steps

__all__ = ["follow", "unfollow"]


def follow(ear: Ear, session: Session, *, leads: bool) -> None:
    """Follow a strategy that is about to start.

    Args:
        ear: hears the strategy.
        session: the run.
        leads: whether this strategy is the one that tells of the account.
    """
    strategy, cerebro = ear.strategy, session.cerebro
    own: dict[str, Callable[..., Any]] = {}
    if counts_steps(cerebro):
        passing = [feed.passed for feed in session.feeds if leads and feed.keeps]
        own["_notify"] = _notify(ear, ear.steps, passing, strategy._notify)
    tell = strategy._addnotification
    quickly = cerebro.p.quicknotify
    own["_addnotification"] = _quickly_added(ear, tell) if quickly else ear.outcomes.listener(tell)
    if leads:
        own["notify_cashvalue"] = _account(session, strategy)
    held = strategy.__dict__
    ear.quick = quick_calls(ear, session)
    own |= {
        verb: call
        for verb, call in ear.quick.items()
        if verb not in held and is_heard(getattr(type(strategy), verb))
    }
    ear.replaced = {name: (held.get(name), call) for name, call in own.items()}
    held.update(own)


def unfollow(ear: Ear) -> None:
    """Give the strategy back what stood there before, unless it has put something there itself."""
    for name, (before, ours) in ear.replaced.items():
        if ear.strategy.__dict__.get(name) is not ours:
            continue
        if before is None:
            ear.strategy.__dict__.pop(name, None)
        else:
            ear.strategy.__dict__[name] = before
    ear.quick = {}


def _notify(
    ear: Ear, steps: Steps, passing: list[Callable[[], None]], own: Callable[..., None]
) -> Callable[..., None]:
    def notify(qorders: Any = (), qtrades: Any = ()) -> None:
        if qorders:  # the host tells of an order before the bar
            before = ear.enter(NOTIFY, slot=1)
            if ear.waiting is not None:
                order, ear.waiting = ear.waiting, None
                ear.outcomes.heard(order)
            own(qorders, qtrades)
            ear.phase, ear.offset = before
            return
        steps.lencount += 1
        ear.phase, ear.offset = NOTIFY, IN_NOTIFICATIONS
        for passed in passing:
            passed()
        own(qorders, qtrades)
        ear.phase, ear.offset = BAR, IN_BAR

    return notify


def _quickly_added(ear: Ear, own: Callable[..., None]) -> Callable[..., None]:
    heard, submitted = ear.outcomes.heard, bt.Order.Submitted

    def added(order: Any, quicknotify: bool = False) -> None:
        if order.status == submitted:
            own(order, quicknotify)
            return
        ear.waiting = order  # heard of before the strategy is told
        own(order, quicknotify)
        if ear.waiting is not None:
            ear.waiting = None
            heard(order)

    return added


def _account(session: Session, strategy: Any) -> Callable[[float, float], None]:
    own = strategy.notify_cashvalue
    silent = getattr(own, "__func__", None) is bt.Strategy.notify_cashvalue
    keep, count = session.account.frombytes, session.lengths.append
    clock, plain = session.feeds[0].clock, session.step_is_bar
    pack = Struct("dd").pack  # twice as quick as an array takes a tuple

    def told(cash: float, value: float) -> None:
        keep(pack(cash, value))

    def told_with_more(cash: float, value: float) -> None:
        keep(pack(cash, value))
        if not plain:
            count(clock.lencount)
        if not silent:
            own(cash, value)

    return told if plain and silent else told_with_more
