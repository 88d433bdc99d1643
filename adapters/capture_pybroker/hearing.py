"""How the objects of one run are heard while it goes on; nothing of the host's own is changed.

What is put on them are attributes of theirs alone, which are taken away when the run is over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pybroker.common import OrderType
from pybroker.context import ExecContext
from pybroker.portfolio import Portfolio

from capture_pybroker.encoding import FIELDS, NOTHING, SAID
from capture_pybroker.ledger import Refused

if TYPE_CHECKING:
    from collections.abc import Callable

    from capture_pybroker.intents import Ear
    from capture_pybroker.session import Session

__all__ = [
    "CAPTURE",
    "RECORDED",
    "caller",
    "hear_context",
    "hear_no_more",
    "hear_portfolio",
    "real",
]

CAPTURE: Final = "_capture"
"""The attribute that leads from an object of the host to what records it."""

RECORDED: Final = "_set_recorded"
"""The method that sets what was recorded, of the contexts of a replay."""

_CONTAINERS: Final = ("long_positions", "short_positions", "orders", "trades")
_NUMBERS: Final = (
    "cash",
    "equity",
    "market_value",
    "margin",
    "margin_loan",
    "win_rate",
    "loss_rate",
)
_CANCELS: Final = (
    "cancel_pending_order",
    "cancel_all_pending_orders",
    "cancel_stop",
    "cancel_stops",
)
_SAYS: Final = ("sell_all_shares", "cover_all_shares", "set_target_shares", "calc_target_shares")
_OF_CONTEXT: Final = (*_CANCELS, *_SAYS, "preds", "to_result", CAPTURE)
_OF_PORTFOLIO: Final = ("buy", "sell", "_add_order", CAPTURE)


def real(found: Any) -> Any:
    """Return what a strategy looks at, a portfolio or a scope."""
    return found._real if isinstance(found, _Seen) else found


def hear_no_more(found: Any) -> None:
    """Give a context or a portfolio back as the host made it."""
    own = found.__dict__
    for name in _OF_CONTEXT if isinstance(found, ExecContext) else _OF_PORTFOLIO:
        own.pop(name, None)
    for name in ("_portfolio", "_pending_order_scope"):
        if name in own:
            own[name] = real(own[name])


# --- what the host is asked to fill --------------------------------------------------------------


def hear_portfolio(portfolio: Any, session: Session, *, at_once: bool) -> None:
    """Hear what a portfolio refuses; with `at_once`, also each fill when it happens."""
    ledger, own = session.ledger, portfolio.__dict__
    own[CAPTURE] = session
    own_class: Any = type(portfolio)

    def offered(side: str) -> Callable[..., Any]:
        fill = getattr(own_class, side)

        # By their names: to pack them up and to unpack them would take as long as all the rest.
        def offer(  # noqa: PLR0913, PLR0917 - they are the host's
            date: Any,
            symbol: str,
            shares: Any,
            fill_price: Any,
            limit_price: Any = None,
            stops: Any = None,
            created: Any = None,
            order_type: Any = OrderType.MARKET,
            market_price: Any = None,
        ) -> Any:
            order = fill(
                portfolio, date, symbol, shares, fill_price, limit_price, stops, created,
                order_type, market_price,
            )  # fmt: skip
            if created is not None:
                if order is None:
                    wanted = Refused(symbol, created, date, shares, fill_price, limit_price)
                    ledger.refused(portfolio, side == "buy", wanted)
                elif order.shares is not shares and order.shares < shares:
                    ledger.short.add(order.id)
                if at_once:
                    session.settle(portfolio)
            return order

        return offer

    own["buy"], own["sell"] = offered("buy"), offered("sell")
    if at_once:

        def add_order(*args: Any, **said: Any) -> Any:
            order = own_class._add_order(portfolio, *args, **said)
            if said.get("created") is None:  # a stop, or the end: no order of an execution's
                session.settle(portfolio)
            return order

        own["_add_order"] = add_order


# --- what the strategy says ----------------------------------------------------------------------


def caller(function: Callable[..., Any], session: Session, ear: Ear) -> Callable[..., Any]:
    """Return what the host calls on each bar: the user's function, with what is done around it."""
    if session.guards:
        function = _guarded(function, session)
    if ear.tell is None and not ear.rotates:
        return function
    tell, intents = ear.tell, session.intents

    def told(ctx: Any, *args: Any, **kwargs: Any) -> None:
        if tell is not None:
            tell()
        function(ctx, *args, **kwargs)
        if ear.rotates:
            intents.score(ctx, ear)

    return told


def _guarded(function: Callable[..., Any], session: Session) -> Callable[..., Any]:
    """Return the same for a run whose exceptions pass nothing else that is heard."""

    def guarded(ctx: Any, *args: Any, **kwargs: Any) -> None:
        try:
            function(ctx, *args, **kwargs)
        except BaseException as exc:
            session.raised(exc)
            raise

    return guarded


def hear_context(ctx: Any, session: Session, ear: Ear, *, replays: bool) -> None:
    """Hear what a context wants, what is said by methods, and what is looked at."""
    own = ctx.__dict__
    own[CAPTURE] = ear
    own["_portfolio"] = _Seen(ctx._portfolio, session)
    if not ear.rotates:  # there, the host looks at the orders that wait
        own["_pending_order_scope"] = _Seen(ctx._pending_order_scope, session, "pending_orders")
    own.update(_says(ctx, session, ear), **_cancels(ctx, session, ear))
    ear.hear = session.intents.hearing(ctx, ear)
    own["to_result"] = _wanted(ctx, ear.hear, replays=replays)


def _none_of_nothing() -> bool:
    """Say whether the host makes nothing of a context that wants nothing.

    A context that has no other attributes shows that the host looks at no others.
    """
    ctx = ExecContext.__new__(ExecContext)
    names = ("buy_shares", "sell_shares", *FIELDS)
    ctx.__dict__.update(dict.fromkeys(names), symbol="", _curr_date=0)
    try:
        return ctx.to_result() is None
    except Exception:  # whatever it looks at
        return False


_KNOWN: Final = _none_of_nothing()


def _wanted(
    ctx: Any, hear: Callable[[tuple[Any, ...]], None], *, replays: bool
) -> Callable[[], Any]:
    """Return what the host asks on each bar for what is wanted, after all that may change it.

    On most bars nothing is: what is read then answers the host as well, which would read the same
    once more, and slower.
    """
    fields, read, nothing = ctx.__dict__, SAID, NOTHING
    make, known = ExecContext.to_result, _KNOWN

    def to_result() -> Any:
        said = read(fields)
        try:
            if said == nothing:
                return None if known else make(ctx)
        except Exception:  # what cannot be compared is something
            pass
        if said[0] is not None or said[1] is not None:
            hear(said)
        return make(ctx)

    def recorded() -> Any:
        getattr(ctx, RECORDED)()
        return to_result()

    return recorded if replays else to_result


def _leave(ctx: Any, session: Session, verb: str) -> None:
    """Let the host say what a position is left with; that there is none is news to the strategy."""
    try:
        session.quietly(getattr(ExecContext, verb), ctx)
    except ValueError:
        session.reads.add(verb)
        raise


def _says(ctx: Any, session: Session, ear: Ear) -> dict[str, Any]:
    """Return the methods by which a strategy says what it wants."""

    def sell_all_shares() -> None:
        _leave(ctx, session, "sell_all_shares")
        ear.said = (ctx._curr_date, "sell_all_shares", -1, ctx.sell_shares, {})

    def cover_all_shares() -> None:
        _leave(ctx, session, "cover_all_shares")
        ear.said = (ctx._curr_date, "cover_all_shares", 1, ctx.buy_shares, {})

    def set_target_shares(target: float, *, dir: Any) -> None:
        before, leaving = ctx.buy_shares, ctx._exit_stop_pos
        session.quietly(ExecContext.set_target_shares, ctx, target, dir=dir)
        side, shares = (-1, ctx.sell_shares) if ctx.buy_shares is before else (1, ctx.buy_shares)
        said = {"target": target, "dir": dir}
        if leaving is not None:
            said["exits"] = leaving.type  # so the order was marked by another method
        if ctx.buy_shares is None and ctx.sell_shares is None:
            session.intents.reached(ear, said)
        else:
            ear.said = (ctx._curr_date, "set_target_shares", side, shares, said)

    def calc_target_shares(target_size: float, price: Any = None, cash: Any = None) -> Any:
        quiet = session.muted
        value = session.quietly(ExecContext.calc_target_shares, ctx, target_size, price, cash)
        session.muted = quiet
        if not quiet:
            given = {"target": target_size, "price": price, "cash": cash}
            more = {name: said for name, said in given.items() if said is not None}
            ear.sized = (ctx._curr_date, value, more)
            session.sizings += cash is None
        return value

    def preds(model_name: str, symbol: str | None = None) -> Any:
        values = ExecContext.preds(ctx, model_name, symbol)
        if symbol is None or symbol == ctx.symbol:
            session.saw_prediction(ear, model_name, values)
        return values

    return {
        "sell_all_shares": sell_all_shares,
        "cover_all_shares": cover_all_shares,
        "set_target_shares": set_target_shares,
        "calc_target_shares": calc_target_shares,
        "preds": preds,
    }


def _cancels(ctx: Any, session: Session, ear: Ear) -> dict[str, Any]:
    """Return the methods by which a strategy takes orders and stops back."""
    intents = session.intents

    def cancel_pending_order(order_id: int) -> Any:
        intents.cancels_order(ctx, ear, order_id)
        return session.quietly(ExecContext.cancel_pending_order, ctx, order_id)

    def cancel_all_pending_orders(symbol: str | None = None) -> Any:
        intents.cancels_orders(ctx, ear, symbol)
        return session.quietly(ExecContext.cancel_all_pending_orders, ctx, symbol)

    def cancel_stop(stop_id: int) -> Any:
        intents.cancels_stop(ctx, ear, stop_id)
        return session.quietly(ExecContext.cancel_stop, ctx, stop_id)

    def cancel_stops(val: Any, stop_type: Any = None) -> Any:
        intents.cancels_stops(ear, val, stop_type)
        return session.quietly(ExecContext.cancel_stops, ctx, val, stop_type)

    return {
        "cancel_pending_order": cancel_pending_order,
        "cancel_all_pending_orders": cancel_all_pending_orders,
        "cancel_stop": cancel_stop,
        "cancel_stops": cancel_stops,
    }


# --- what the strategy looks at ------------------------------------------------------------------


class _Seen:
    """Stands for what a strategy may look at, and takes note that it did.

    The host's own loop does not come by here. What stays the same object for the whole run is
    noted once, and then costs nothing.
    """

    def __init__(self, found: Any, session: Session, name: str | None = None) -> None:
        own = self.__dict__
        own["_real"], own["_session"], own["_name"] = real(found), session, name

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._real, name)
        if not self._session.muted:
            self._session.reads.add(self._name or name.lstrip("_"))
            if name in _CONTAINERS and isinstance(self._real, Portfolio):
                self.__dict__[name] = value
        return value


def _number(name: str) -> property:
    def read(self: Any) -> Any:
        if not self._session.muted:
            self._session.reads.add(name)
        return getattr(self._real, name)

    return property(read)


for _name in _NUMBERS:
    setattr(_Seen, _name, _number(_name))
