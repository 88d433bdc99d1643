"""Classes that objects of one run are given while it goes on, so that the run is heard."""

from __future__ import annotations

import sys
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from pybroker import strategy as host
from pybroker.context import ExecContext

from capture_pybroker import rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from capture_pybroker.session import Session

__all__ = ["CAPTURE", "context_class", "hear", "hear_no_more"]

CAPTURE: Final = "_capture"
"""The attribute that leads from an object of the host to what records it."""

_ROTATION: Final = host._has_pending_order.__code__

_PROPERTIES: Final = (
    "total_equity",
    "cash",
    "total_margin",
    "buying_power",
    "margin_loan",
    "net_cash_balance",
    "total_market_value",
    "win_rate",
    "loss_rate",
)
_METHODS: Final = (
    "orders",
    "trades",
    "pos",
    "positions",
    "long_positions",
    "short_positions",
    "has_long_positions",
    "has_short_positions",
    "long_pos",
    "short_pos",
)
_EXITS: Final = ("sell_all_shares", "cover_all_shares")


def hear(found: Any, session: Session) -> None:
    """Let a portfolio, or the orders that wait, be heard."""
    mixin = _Orders if hasattr(found, "mark_attempted") else _Portfolio
    found.__dict__[CAPTURE] = session
    found.__class__ = _heard(type(found), mixin)


def hear_no_more(found: Any) -> None:
    """Give an object of the host back as the host made it."""
    if found is not None and found.__dict__.pop(CAPTURE, None) is not None:
        found.__class__ = type(found).__bases__[-1]


@cache
def _heard(owner: type, mixin: type) -> type:
    names = {"__module__": owner.__module__, "__qualname__": owner.__qualname__}
    return type(owner.__name__, (mixin, owner), names)


# --- what the strategy says and reads ------------------------------------------------------------


def context_class(session: Session) -> type[ExecContext]:
    """Return the class of the contexts of a run; each read is heard once, and costs nothing then.

    A method of the strategy's own making, such as `sell_all_shares`, is an intent: what it reads,
    the host reads.
    """

    def once(name: str) -> None:
        session.reads.add(name)
        if name in vars(made):
            delattr(made, name)

    def heard_property(name: str) -> property:
        own = vars(ExecContext)[name]

        def read(ctx: Any) -> Any:
            if not session.muted:
                once(name)
            return own.fget(ctx)

        return property(read, doc=own.__doc__)

    def heard_method(name: str) -> Callable[..., Any]:
        own = vars(ExecContext)[name]

        def read(ctx: Any, *args: Any, **kwargs: Any) -> Any:
            if session.muted:
                return own(ctx, *args, **kwargs)
            once(name)
            return session.quietly(own, ctx, *args, **kwargs)

        return read

    def pending_orders(ctx: Any, symbol: str | None = None) -> Any:
        if not session.muted and sys._getframe(1).f_code is not _ROTATION:
            once("pending_orders")
        return ExecContext.pending_orders(ctx, symbol)

    names: dict[str, Any] = {
        "__module__": ExecContext.__module__,
        "__qualname__": ExecContext.__qualname__,
        "pending_orders": pending_orders,
        **{name: heard_property(name) for name in _PROPERTIES},
        **{name: heard_method(name) for name in _METHODS},
        **_intents(session),
        **_cancels(session),
    }
    made: type[ExecContext] = type(ExecContext.__name__, (ExecContext,), names)
    return made


def _intents(session: Session) -> dict[str, Any]:
    """Return the methods by which a strategy says what it wants."""
    own_result, hear_intent = ExecContext.to_result, session.intents.hear

    def to_result(ctx: Any) -> Any:
        if ctx.buy_shares is None and ctx.sell_shares is None:
            return own_result(ctx)
        return hear_intent(ctx)

    def exits(name: str) -> Callable[..., None]:
        own = vars(ExecContext)[name]

        def leave(ctx: Any) -> None:
            session.quietly(own, ctx)
            shares = ctx.sell_shares if name == "sell_all_shares" else ctx.buy_shares
            ctx._capture.said = (ctx._curr_date, name, shares, {})

        return leave

    def calc_target_shares(
        ctx: Any, target_size: float, price: Any = None, cash: Any = None
    ) -> Any:
        value = ExecContext.calc_target_shares(ctx, target_size, price, cash)
        if not session.muted:
            given = {"target": target_size, "price": price, "cash": cash}
            arguments = {name: value for name, value in given.items() if value is not None}
            ctx._capture.sized = (ctx._curr_date, value, arguments)
            session.sizings += cash is None
        return value

    def set_target_shares(ctx: Any, target: float, *, dir: Any) -> None:  # noqa: A002 - the host's
        before = ctx.buy_shares, ctx.sell_shares
        session.quietly(ExecContext.set_target_shares, ctx, target, dir=dir)
        shares = ctx.buy_shares if ctx.buy_shares is not before[0] else ctx.sell_shares
        said = {"target": target, "dir": dir}
        ctx._capture.said = (ctx._curr_date, "set_target_shares", shares, said)

    def preds(ctx: Any, model_name: str, symbol: str | None = None) -> Any:
        values = ExecContext.preds(ctx, model_name, symbol)
        if symbol is None or symbol == ctx.symbol:
            session.saw_prediction(ctx, model_name, values)
        return values

    return {
        "to_result": to_result,
        "calc_target_shares": calc_target_shares,
        "set_target_shares": set_target_shares,
        "preds": preds,
        **{name: exits(name) for name in _EXITS},
    }


def _cancels(session: Session) -> dict[str, Any]:
    """Return the methods by which a strategy takes orders and stops back."""
    intents = session.intents

    def cancel_pending_order(ctx: Any, order_id: int) -> bool:
        intents.cancels_order(ctx, order_id)
        return bool(
            session.cancelling(rows.CANCELLED, ExecContext.cancel_pending_order, ctx, order_id)
        )

    def cancel_all_pending_orders(ctx: Any, symbol: str | None = None) -> None:
        intents.aside(ctx, "cancel", "cancel_all_pending_orders", {"symbol": symbol})
        session.cancelling(rows.CANCELLED, ExecContext.cancel_all_pending_orders, ctx, symbol)

    def cancel_stop(ctx: Any, stop_id: int) -> bool:
        intents.cancels_stop(ctx, stop_id)
        return bool(ExecContext.cancel_stop(ctx, stop_id))

    def cancel_stops(ctx: Any, val: Any, stop_type: Any = None) -> None:
        intents.cancels_stops(ctx, val, stop_type)
        ExecContext.cancel_stops(ctx, val, stop_type)

    return {
        "cancel_pending_order": cancel_pending_order,
        "cancel_all_pending_orders": cancel_all_pending_orders,
        "cancel_stop": cancel_stop,
        "cancel_stops": cancel_stops,
    }


# --- what the host does with it ------------------------------------------------------------------


class _Portfolio:
    """A portfolio whose fills and refusals are heard."""

    def buy(self: Any, *args: Any, **kwargs: Any) -> Any:
        return _offered(self, "buy", super().buy, args, kwargs)  # type: ignore[misc]

    def sell(self: Any, *args: Any, **kwargs: Any) -> Any:
        return _offered(self, "sell", super().sell, args, kwargs)  # type: ignore[misc]

    def _add_order(self: Any, *args: Any, **kwargs: Any) -> Any:
        order = super()._add_order(*args, **kwargs)  # type: ignore[misc]
        self._capture.fates.filled(self, order)
        return order

    def _add_entry(self: Any, *args: Any, **kwargs: Any) -> Any:
        entry = super()._add_entry(*args, **kwargs)  # type: ignore[misc]
        self._capture.fates.entered(entry)
        return entry

    def _exit_long(self: Any, date: Any, pos: Any, entry: Any, shares: Any, *more: Any, **said: Any) -> None:
        self._capture.fates.exited(entry, shares)
        super()._exit_long(date, pos, entry, shares, *more, **said)  # type: ignore[misc]

    def _exit_short(self: Any, date: Any, pos: Any, entry: Any, shares: Any, *more: Any, **said: Any) -> None:
        self._capture.fates.exited(entry, shares)
        super()._exit_short(date, pos, entry, shares, *more, **said)  # type: ignore[misc]


def _offered(
    portfolio: Any, side: str, own: Callable[..., Any], args: Any, kwargs: dict[str, Any]
) -> Any:
    fates = portfolio._capture.fates
    if kwargs.get("created") is None:  # no order of an execution's
        return own(*args, **kwargs)
    fates.offering(kwargs["shares"])
    try:
        order = own(*args, **kwargs)
    finally:
        fates.tried()
    if order is None:
        fates.refused(portfolio, side, kwargs)
    return order


class _Orders:
    """Orders that wait, and are heard as they come and go."""

    def add(self: Any, *args: Any, **kwargs: Any) -> Any:
        order_id = super().add(*args, **kwargs)  # type: ignore[misc]
        self._capture.fates.scheduled(order_id, self.get(order_id).symbol)
        return order_id

    def mark_attempted(self: Any, order_id: int) -> None:
        self._capture.fates.attempted(order_id)
        super().mark_attempted(order_id)  # type: ignore[misc]

    def advance_retry_bars(self: Any, order_id: int) -> None:
        self._capture.fates.aged()
        super().advance_retry_bars(order_id)  # type: ignore[misc]

    def remove(self: Any, order_id: int) -> bool:
        removed = bool(super().remove(order_id))  # type: ignore[misc]
        if removed:
            self._capture.fates.removed(order_id)
        return removed

    def remove_all(self: Any, symbol: str | None = None) -> None:
        session = self._capture
        by = session.fates.cancelling
        place = rows.CANCELLED_BY_BROKER if by is None else by
        session.cancelling(place, super().remove_all, symbol)  # type: ignore[misc]
