"""The least that recording would cost: to pack what is said and done, and to call observers.

A recorder that does nothing else has no store, no lock, no check and no indicators, and what it
packs is lost when the run ends. What capture adds beyond it is what all of that costs.
"""

from __future__ import annotations

from struct import Struct
from time import time_ns
from typing import TYPE_CHECKING, Any, Final

from benchmarks.across.hosts import installed
from benchmarks.hosts import DENSITIES, Best, market, quiet
from benchmarks.measuring import turns, undisturbed
from benchmarks.overhead import SignalsAndFills, host
from benchmarks.report import Report, Table

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.sizes import Sizes

__all__ = ["run"]

_SIGNAL: Final = Struct("<IHqqqqddqqdI")
"""Size, kind, number, time, bar, side, position, cash, trades, orders, size of the order, end."""

_FILL: Final = Struct("<IHqqqdddI")
_NOTE: Final = Struct("qqq").pack
_ROOM: Final = 16 * 1024 * 1024
_END: Final = 77
_HOOKS: Final = ("on_signal", "on_fill")
_PLAIN: Final = "not recorded"
_OBSERVERS: Final = {"nobody": 0, "1 observer": 1, "3 observers": 3}


def run(sizes: Sizes) -> Report:
    """Measure, in two hosts, a strategy that acts on few bars and one that acts on every bar."""
    tables = []
    for name, least in (("backtesting", _in_backtesting), ("backtrader", _in_backtrader)):
        if name not in installed():
            continue
        made = host(name.capitalize())
        for density in DENSITIES:
            with quiet():
                tables.append(_table(made, density, least, sizes))
    return Report("least", tuple(tables))


def _table(made: Any, density: str, least: Callable[[type, int], type], sizes: Sizes) -> Table:
    bars = market(max(int(sizes.run_bars * made.share), 300))
    own = made.strategies[density]
    strategies = {_PLAIN: own, **{name: least(own, many) for name, many in _OBSERVERS.items()}}
    best = {name: Best() for name in strategies}
    made.run_of(own, bars, None)  # loads and compiles what is loaded and compiled but once
    rounds = sizes.run_rounds * made.repeats
    for name in turns(list(best), rounds):
        with undisturbed():
            best[name].add(made.run_of(strategies[name], bars, None))
    plain = best[_PLAIN]
    added = {name: each.loop - plain.loop for name, each in best.items()}
    return Table(
        f"The least in {made.name}, signals on {density} of the bars: {len(bars):,} bars",
        ("who listens", "loop ms", "added ms", "added % of the run"),
        tuple(
            (name, each.loop * 1e3, added[name] * 1e3, 100 * added[name] / plain.whole)
            for name, each in best.items()
        ),
        (
            f"{rounds} interleaved rounds in one process; a loop is the sum over the bars of the "
            "quickest round of each. Signals are packed with what was the case before, fills as "
            "they happen if somebody listens, and an observer gets an object of two fields.",
        ),
    )


class _Event:
    """What observers are told of, with the two fields that they read."""

    __slots__ = ("direction", "price")

    def __init__(self, direction: int, price: float) -> None:
        self.direction = direction
        self.price = price


def _recorder(observers: int) -> tuple[Callable[..., None], Callable[..., None]]:
    """Return what packs a signal with its order and tells of it, and the same for a fill."""
    listening = [SignalsAndFills() for _ in range(observers)]
    of_signals, of_fills = ([getattr(each, name) for each in listening] for name in _HOOKS)
    room, at, seq = bytearray(_ROOM), 0, 0
    pack_signal, pack_fill, signal_size, fill_size = (
        _SIGNAL.pack_into, _FILL.pack_into, _SIGNAL.size, _FILL.size,
    )  # fmt: skip

    def signal(
        bar: int, side: int, held: float, cash: float, trades: int, orders: int, size: float
    ) -> None:
        nonlocal at, seq
        pack_signal(
            room, at, signal_size, 1, seq, time_ns(), bar, side, held, cash, trades, orders, size,
            _END,
        )  # fmt: skip
        at += signal_size
        seq += 2
        if of_signals:
            event = _Event(side, 0.0)
            for tell in of_signals:
                tell(event)

    def fill(bar: int, size: float, price: float, fee: float) -> None:
        nonlocal at, seq
        pack_fill(room, at, fill_size, 2, seq, time_ns(), bar, size, price, fee, _END)
        at += fill_size
        seq += 1
        if of_fills:
            event = _Event(1, price)
            for tell in of_fills:
                tell(event)

    return signal, fill


def _in_backtesting(strategy: Any, observers: int) -> type:
    """Return a strategy of Backtesting.py whose calls, and fills if anybody listens, are packed."""

    def init(self: Any) -> None:
        strategy.init(self)
        signal, fill = _recorder(observers)
        broker = self._broker
        trades, orders = broker.trades, broker.orders

        def heard(side: int, own: Callable[..., Any]) -> Callable[..., Any]:
            def call(size: float = 1.0, **more: Any) -> Any:
                signal(
                    broker._i, side, broker._position_size, broker._cash, len(trades), len(orders),
                    size,
                )  # fmt: skip
                return own(size, **more) if side == 0 else own(size=size, **more)

            return call

        self.buy, self.sell = heard(1, self.buy), heard(-1, self.sell)
        broker.position.close = heard(0, broker.position.close)
        if not observers:
            return
        opens, closes = broker._open_trade, broker._close_trade

        def opened(price: float, size: int, *more: Any) -> None:
            opens(price, size, *more)
            fill(broker._i, size, price, 0.0)

        def closed(trade: Any, price: float, bar: int) -> None:
            closes(trade, price, bar)
            fill(bar, trade.size, price, 0.0)

        broker._open_trade, broker._close_trade = opened, closed

    return type(strategy.__name__, (strategy,), {"init": init})


def _in_backtrader(strategy: Any, observers: int) -> type:
    """Return a strategy of backtrader whose calls and notifications are packed."""
    from backtrader import Order

    def start(self: Any) -> None:
        signal, fill = _recorder(observers)
        broker, data, notes, acting = self.broker, self.datas[0], bytearray(), False
        clock, own_notice, submitted = data.lines[0], self._addnotification, Order.Submitted

        def heard(side: int, own: Callable[..., Any]) -> Callable[..., Any]:
            def call(**given: Any) -> Any:
                nonlocal acting
                if acting:  # the host's own, to carry out a call
                    return own(**given)
                acting = True
                try:
                    made = own(**given)
                finally:
                    acting = False
                held = broker.positions.get(data)
                signal(
                    clock.lencount, side, 0.0 if held is None else held.size, broker.cash, 0,
                    len(broker.pending), 0.0 if made is None else made.created.size,
                )  # fmt: skip
                return made

            return call

        def noticed(order: Any, quicknotify: bool = False) -> None:
            own_notice(order, quicknotify)
            if order.status == submitted:
                return
            bar = clock.lencount
            notes.extend(_NOTE(order.ref, order.status, bar))
            for bit in order.executed.iterpending():
                fill(bar, bit.size, bit.price, bit.closedcomm + bit.openedcomm)

        self.buy, self.sell, self.close = (
            heard(side, getattr(self, verb))
            for side, verb in ((1, "buy"), (-1, "sell"), (0, "close"))
        )
        self._addnotification = noticed

    return type(strategy.__name__, (strategy,), {"start": start})
