"""Strategies that are hard on an adapter, each against a corner of backtrader."""

from __future__ import annotations

import datetime
from typing import Any, ClassVar

import backtrader as bt

import capture


class SmaCross(bt.Strategy):
    """The strategy of every tutorial; it never looks at its portfolio."""

    params = (("fast", 10), ("slow", 20))

    def __init__(self) -> None:
        self.fast = bt.ind.SMA(period=self.p.fast)
        self.slow = bt.ind.SMA(period=self.p.slow)
        self.cross = bt.ind.CrossOver(self.fast, self.slow)

    def next(self) -> None:
        if self.cross[0] > 0:
            self.close()
            self.buy()
        elif self.cross[0] < 0:
            self.close()
            self.sell()


class Rsi(bt.Strategy):
    """Buys and sells a few at the extremes, whatever it holds."""

    params = (("period", 14), ("low", 35.0), ("high", 65.0))

    def __init__(self) -> None:
        self.rsi = bt.ind.RSI(self.data.close, period=self.p.period)

    def next(self) -> None:
        if self.rsi < self.p.low:
            self.buy(size=2)
        elif self.rsi > self.p.high:
            self.sell(size=2.5)


class AlwaysTrading(bt.Strategy):
    """An order at every bar, and no indicator."""

    def next(self) -> None:
        if len(self) % 2:
            self.buy(size=3)
        else:
            self.sell(size=2)


class Holding(bt.Strategy):
    """Enters if it is flat and leaves after some bars: it looks at its position."""

    params = (("bars", 7),)

    def __init__(self) -> None:
        self.entered = 0

    def next(self) -> None:
        if not self.position:
            self.buy(size=5)
            self.entered = len(self)
        elif len(self) - self.entered >= self.p.bars:
            self.close()


class Brackets(bt.Strategy):
    """Every form of bracket, and a cancel of one of its sides or of its entry."""

    def __init__(self) -> None:
        self.made: list[list[Any]] = []

    def next(self) -> None:
        turn, rest = divmod(len(self), 6)
        price = self.data.close[0]
        if rest == 0:
            _BRACKETS[turn % len(_BRACKETS)](self, price)
        elif rest == 3 and self.made:
            side = turn % 4
            if side < len(self.made[-1]) and self.made[-1][side] is not None:
                self.cancel(self.made[-1][side])


def _long(it: Brackets, price: float) -> None:
    it.made.append(
        it.buy_bracket(size=4, price=price * 0.995, stopprice=price * 0.97, limitprice=price * 1.03)
    )


def _short(it: Brackets, price: float) -> None:
    it.made.append(
        it.sell_bracket(
            size=3,
            exectype=bt.Order.Market,
            stopprice=price * 1.03,
            limitprice=price * 0.96,
            valid=datetime.timedelta(days=9),
        )
    )


def _trailing(it: Brackets, price: float) -> None:
    it.made.append(
        it.buy_bracket(
            exectype=bt.Order.Market,
            size=2,
            oargs={"valid": datetime.timedelta(days=3)},
            stopexec=bt.Order.StopTrail,
            stopargs={"trailpercent": 0.03},
            limitexec=None,
        )
    )


def _without_stop(it: Brackets, price: float) -> None:
    it.made.append(
        it.sell_bracket(
            it.data,
            2,
            price * 1.01,
            limitprice=price * 0.95,
            stopexec=None,
            limitargs={"name": "target"},
        )
    )


def _entry_alone(it: Brackets, price: float) -> None:
    it.made.append(it.buy_bracket(price=price * 0.99, size=1, limitexec=None, stopexec=None))


_BRACKETS = (_long, _short, _trailing, _without_stop, _entry_alone)


class Nasty(bt.Strategy):
    """Stops, trails, limits with validity, chains, partial closes and cancels, by turns.

    It never looks at its portfolio: orders are cancelled whether they stand or not.
    """

    params = (("pace", 4),)

    def __init__(self) -> None:
        self.sma = bt.ind.SMA(period=15)
        self.waiting: list[Any] = []

    def next(self) -> None:
        turn, rest = divmod(len(self), self.p.pace)
        if rest == 0:
            order = _STEPS[turn % len(_STEPS)](self, self.data.close[0])
            if order is not None:
                self.waiting.append(order)


def _stop(it: Nasty, price: float) -> Any:
    return it.sell(size=2, exectype=bt.Order.Stop, price=price * 0.985)


def _stop_limit(it: Nasty, price: float) -> Any:
    return it.buy(
        size=2,
        exectype=bt.Order.StopLimit,
        price=price * 1.01,
        plimit=price * 1.015,
        valid=it.data.datetime.datetime() + datetime.timedelta(days=6),
    )


def _trail_amount(it: Nasty, price: float) -> Any:
    return it.sell(size=1, exectype=bt.Order.StopTrail, trailamount=price * 0.02)


def _trail_percent(it: Nasty, price: float) -> Any:
    return it.buy(
        size=3,
        exectype=bt.Order.StopTrail,
        trailpercent=0.02,
        valid=it.data.datetime.date() + datetime.timedelta(days=12),
    )


def _trail_limit(it: Nasty, price: float) -> Any:
    return it.sell(
        size=2,
        price=price,
        plimit=price * 0.99,
        exectype=bt.Order.StopTrailLimit,
        trailpercent=0.015,
    )


def _limit_of_days(it: Nasty, price: float) -> Any:
    return it.buy(
        size=2, exectype=bt.Order.Limit, price=price * 0.98, valid=datetime.timedelta(days=5)
    )


def _limit_of_today(it: Nasty, price: float) -> Any:
    return it.sell(size=1, exectype=bt.Order.Limit, price=price * 1.001, valid=bt.Order.DAY)


def _limit_of_a_session(it: Nasty, price: float) -> Any:
    return it.buy(size=1, exectype=bt.Order.Limit, price=price * 0.999, valid=0)


def _at_the_close(it: Nasty, _price: float) -> Any:
    return it.buy(size=1, exectype=bt.Order.Close, note="at the close", number=7)


def _one_cancels_the_other(it: Nasty, price: float) -> Any:
    first = it.buy(size=1, exectype=bt.Order.Limit, price=price * 0.97)
    it.sell(size=1, exectype=bt.Order.Limit, price=price * 1.03, oco=first)
    return it.sell(size=1, exectype=bt.Order.Stop, price=price * 0.95, oco=first)


def _chain(it: Nasty, price: float) -> Any:
    main = it.buy(size=3, exectype=bt.Order.Limit, price=price * 0.995, transmit=False)
    it.sell(size=3, exectype=bt.Order.Stop, price=price * 0.97, parent=main, transmit=False)
    return it.sell(size=3, exectype=bt.Order.Limit, price=price * 1.04, parent=main)


def _other_trade(it: Nasty, _price: float) -> Any:
    it.buy(size=2, tradeid=1)
    return it.sell(size=1, tradeid=2)


def _part(it: Nasty, _price: float) -> Any:
    it.close(size=1)


def _everything(it: Nasty, _price: float) -> Any:
    it.close()
    it.close()


def _sized(it: Nasty, _price: float) -> Any:
    it.buy(it.data)
    it.sell(it.data._name, 1)


def _nothing(it: Nasty, _price: float) -> Any:
    it.buy(size=0)


def _cancel(it: Nasty, _price: float) -> Any:
    for order in it.waiting[-5:]:
        it.cancel(order)


_STEPS = (
    _stop,
    _trail_amount,
    _part,
    _stop_limit,
    _one_cancels_the_other,
    _trail_percent,
    _sized,
    _limit_of_days,
    _cancel,
    _chain,
    _trail_limit,
    _limit_of_today,
    _other_trade,
    _limit_of_a_session,
    _everything,
    _at_the_close,
    _nothing,
    _cancel,
)


class Targets(bt.Strategy):
    """Says what it wants to hold, in each of the host's three ways."""

    params = (("pace", 9),)

    def next(self) -> None:
        turn, rest = divmod(len(self), self.p.pace)
        if rest == 0:
            _TARGETS[turn % len(_TARGETS)](self)
        elif rest == 1:
            self.order_target_size(target=self.getposition().size)  # nothing to do


_TARGETS = (
    lambda it: it.order_target_size(target=7),
    lambda it: it.order_target_percent(target=0.4),
    lambda it: it.order_target_value(it.data, 2_000.0, price=it.data.close[0] * 1.01),
    lambda it: it.order_target_size(target=-4),
    lambda it: it.order_target_size(),
    lambda it: it.order_target_percent(
        target=-0.2, exectype=bt.Order.Limit, price=it.data.close[0] * 1.01
    ),
    lambda it: it.order_target_value(target=0),
)


class Reacting(bt.Strategy):
    """Gives orders in every callback but `next`, among them the first and the last."""

    def __init__(self) -> None:
        self.sma = bt.ind.SMA(period=25)
        self.entry: Any = None
        self.exits: list[Any] = []
        self.trades = 0
        self.add_timer(
            bt.timer.SESSION_START, weekdays=[1], weekcarry=True, cheat=False, kind="weekly"
        )
        self.add_timer(datetime.time(0, 0), monthdays=[15], cheat=True)

    def start(self) -> None:
        self.buy(size=1, exectype=bt.Order.Limit, price=1.0)

    def prenext(self) -> None:
        if len(self) == 5:
            self.buy(size=1)

    def nextstart(self) -> None:
        self.close()

    def next(self) -> None:
        if self.entry is None and len(self) % 3 == 0:
            self.entry = self.buy(
                size=4,
                exectype=bt.Order.Limit,
                price=self.data.close[0] * 0.99,
                valid=datetime.timedelta(days=4),
            )

    def notify_order(self, order: Any) -> None:
        if self.entry is not None and order.ref == self.entry.ref:
            if order.status == order.Completed:
                price = order.executed.price
                stop = self.sell(size=4, exectype=bt.Order.Stop, price=price * 0.98)
                gain = self.sell(size=4, exectype=bt.Order.Limit, price=price * 1.03, oco=stop)
                self.exits = [stop, gain]
            elif order.status in (order.Expired, order.Canceled, order.Margin, order.Rejected):
                self.entry = None
        elif order.status == order.Completed and order.ref in [o.ref for o in self.exits]:
            self.entry, self.exits = None, []

    def notify_trade(self, trade: Any) -> None:
        if trade.justopened:
            self.trades += 1
        if trade.isclosed and self.trades % 3 == 0:
            self.sell(size=1, exectype=bt.Order.Limit, price=trade.price * 1.01, valid=0)

    def notify_timer(self, timer: Any, when: Any, *args: Any, **kwargs: Any) -> None:
        if kwargs.get("kind") == "weekly":
            self.buy(size=1, tradeid=5)
        else:
            self.close(tradeid=5)

    def notify_cashvalue(self, cash: float, value: float) -> None:
        if len(self) % 50 == 0:
            self.sell(size=1)

    def stop(self) -> None:
        self.close()


class Opening(bt.Strategy):
    """Decides at the open of a bar, before the broker sees it."""

    def __init__(self) -> None:
        self.sma = bt.ind.SMA(period=10)
        self.order: Any = None

    def prenext_open(self) -> None:
        if len(self) == 4:
            self.buy(size=1)

    def nextstart_open(self) -> None:
        self.sell(size=2)

    def next_open(self) -> None:
        if self.order is not None:
            self.cancel(self.order)
        if self.data.open[0] > self.data.close[-1]:
            self.order = self.buy(size=1)
        elif len(self) % 5 == 0:
            self.order = self.sell(
                size=2, exectype=bt.Order.Limit, price=self.data.open[0], valid=None
            )

    def next(self) -> None:
        if len(self) % 11 == 0:
            self.close()


class Feeds(bt.Strategy):
    """Trades every feed that it is given, by object, by name, and by turns."""

    def __init__(self) -> None:
        self.averages = [bt.ind.SMA(data, period=5 + i) for i, data in enumerate(self.datas)]
        self.last: dict[int, Any] = {}

    def next(self) -> None:
        for i, (data, average) in enumerate(zip(self.datas, self.averages, strict=True)):
            above = data.close[0] > average[0]
            if len(self) % (4 + i) == 0:
                if above:
                    self.last[i] = self.buy(
                        data=data if i % 2 else data._name or data,
                        size=1 + i,
                        exectype=bt.Order.Limit,
                        price=data.close[0] * 0.999,
                    )
                else:
                    self.close(data)
            elif len(self) % 13 == i:
                self.order_target_size(data, -1 - i)
            elif len(self) % 17 == i and i in self.last:
                self.cancel(self.last[i])


class EarlyFeeds(Feeds):
    """Does not wait until every feed has bars."""

    def prenext(self) -> None:
        if len(self.data0) and len(self) % 5 == 0:
            self.buy(self.data0, size=1)

    def nextstart(self) -> None:
        self.close(self.data0)
        super().nextstart()


class ManyIndicators(bt.Strategy):
    """Indicators with several lines, in lists, without a name, on lines of others."""

    params = (("average", bt.ind.EMA),)

    def __init__(self) -> None:
        self.bands = bt.ind.BollingerBands(self.data, period=20, devfactor=1.5)
        self.macd = bt.ind.MACD(self.data.close)
        self.stochastic = bt.ind.Stochastic(self.data)
        self.averages = [self.p.average(self.data.close, period=n) for n in (5, 8)]
        self.both = bt.And(self.macd.macd > self.macd.signal, self.data.close > self.bands.mid)
        self.highest = bt.ind.Highest(self.data.high - self.data.low, period=10)
        bt.ind.RSI(bt.ind.SMA(self.data.close, period=3), safediv=True)

    def next(self) -> None:
        if self.both[0] and self.stochastic.percK[0] < 80:
            self.buy(size=1)
        elif self.data.close[0] < self.bands.bot[0]:
            self.sell(size=1)
        elif self.averages[0][0] < self.averages[1][0] and len(self) % 7 == 0:
            self.close()


class Spendthrift(bt.Strategy):
    """Buys more than it can pay, again and again."""

    def next(self) -> None:
        if len(self) % 3 == 0:
            self.buy(size=40)
        elif len(self) % 20 == 0:
            self.sell(size=100)


class OwnSizer(SmaCross):
    """Brings its own sizer."""

    def __init__(self) -> None:
        super().__init__()
        self.sizer = bt.sizers.PercentSizerInt(percents=30)


class CancelsAtBroker(bt.Strategy):
    """Cancels past its own verb."""

    def next(self) -> None:
        if len(self) % 10 == 0:
            price = self.data.close[0] * 0.97
            self.order = self.buy(size=1, exectype=bt.Order.Limit, price=price)
        elif len(self) % 10 == 2 and len(self) > 10:
            self.broker.cancel(self.order)


class LastWords(SmaCross):
    """Gives an order after the last bar."""

    def stop(self) -> None:
        self.sell(size=1)


class OwnVerbs(SmaCross):
    """Has its own `buy`, with other arguments, and calls the host's beneath."""

    def buy(self, data: Any = None, size: Any = None, **more: Any) -> Any:
        self.sell(size=1, exectype=bt.Order.Limit, price=self.data.close[0] * 2)
        return super().buy(data, 2 if size is None else size, **more)


class Crossing(bt.SignalStrategy):
    """The host's own helper, which gives the orders itself."""

    def __init__(self) -> None:
        fast, slow = bt.ind.SMA(period=8), bt.ind.SMA(period=21)
        self.signal_add(bt.SIGNAL_LONGSHORT, bt.ind.CrossOver(fast, slow))


class CrossingToo(bt.SignalStrategy):
    """The same, with an exit signal and a `next` of its own."""

    params = (("every", 40),)

    def __init__(self) -> None:
        sma = bt.ind.SMA(period=15)
        self.signal_add(bt.SIGNAL_LONG, self.data.close - sma)
        self.signal_add(bt.SIGNAL_LONGEXIT, sma - self.data.close)

    def next(self) -> None:
        if len(self) % self.p.every == 0:
            self.sell(size=1, exectype=bt.Order.Limit, price=self.data.close[0] * 1.02)


class AboveAverage(bt.Indicator):
    """A signal for `cerebro.add_signal`."""

    lines = ("signal",)
    params = (("period", 20),)

    def __init__(self) -> None:
        self.lines.signal = self.data - bt.ind.SMA(period=self.p.period)


class Silent(bt.Strategy):
    """Never trades."""

    def __init__(self) -> None:
        self.sma = bt.ind.SMA(period=5)


class Noting(SmaCross):
    """Uses every form of `capture.note`."""

    def next(self) -> None:
        if self.cross[0] > 0:
            order = self.buy(size=2)
            capture.note("confidence", 0.25, signal=order)
            capture.note("mood", "calm")
        elif self.cross[0] < 0:
            capture.note("volume_filter", len(self), direction=-1, reason="too quiet")


class Failing(SmaCross):
    """Raises after it has traded."""

    raises: ClassVar[Any] = None

    def next(self) -> None:
        super().next()
        if len(self) == 200:
            raise self.raises or RuntimeError("the strategy's own fault")
