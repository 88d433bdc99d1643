"""What is written when a run has ended: equity by bar, trades, and what became of signals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from capture_backtrader import rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from capture_backtrader.ear import Ear
    from capture_backtrader.feeds import Feed
    from capture_backtrader.placed import Traded
    from capture_backtrader.session import Session

__all__ = ["equity_table", "status_table", "trade_table"]


def equity_table(session: Session) -> pa.Table:
    """Return what the account was worth at each bar of the first feed, and the position in it."""
    feed = session.feeds[0]
    lengths = session.counts()
    # A bar for which the strategy was called several times counts as it was at last.
    last = np.flatnonzero(np.append(np.diff(lengths) != 0, True)) if len(lengths) else lengths
    last = last[lengths[last] > 0]
    bars = lengths[last] - 1
    moves = np.array(session.moves).reshape(-1, 2)
    held = np.append(0.0, moves[:, 1])
    account = np.array(session.account).reshape(-1, 2)
    return pa.table(
        {
            "symbol": pa.repeat(pa.scalar(feed.symbol), len(bars)),
            "timeframe": pa.repeat(pa.scalar(feed.timeframe), len(bars)),
            "strategy_id": pa.repeat(pa.scalar(session.ears[0].strategy_id), len(bars)),
            "bar_index": bars,
            "timestamp": feed.labels(bars),
            "equity": account[last, 1],
            "cash": account[last, 0],
            "position": held[np.searchsorted(moves[:, 0], bars, side="right")],
        }
    )


def trade_table(session: Session) -> pa.Table:
    """Return the host's own account of the trades, those that are open last."""
    known = [traded for traded in session.trades.values() if traded.trade is not None]
    closed = [traded for traded in known if traded.trade.isclosed]
    trades = [*closed, *(traded for traded in known if not traded.trade.isclosed)]
    spans = [_span(traded) for traded in trades]
    starts, ends = [begin for begin, _ in spans], [end for _, end in spans]
    reals = {
        "size": [traded.units for traded in trades],
        "entry_price": [traded.trade.price for traded in trades],
        "exit_price": [
            t.proceeds / t.left if t.trade.isclosed and t.left else None for t in trades
        ],
        "commission": [traded.trade.commission for traded in trades],
        "profit": [t.trade.pnlcomm if t.trade.isclosed else None for t in trades],
        "extra_gross": [t.trade.pnl if t.trade.isclosed else None for t in trades],
    }
    return pa.table(
        {
            "symbol": _texts([traded.feed.symbol for traded in trades]),
            "strategy_id": _texts([traded.strategy_id for traded in trades]),
            "trade_number": pa.array([traded.number for traded in trades], pa.int64()),
            "entry_bar": pa.array(starts, pa.int64()),
            "exit_bar": pa.array(ends, pa.int64()),
            "entry_time": _times(trades, starts),
            "exit_time": _times(trades, ends),
            **{name: pa.array(values, pa.float64()) for name, values in reals.items()},
            "extra_tradeid": _texts([str(traded.trade.tradeid) for traded in trades]),
        }
    )


def _span(traded: Traded) -> tuple[int, int | None]:
    """Return the bars of a trade's first and last fill; none of the last where it is open."""
    trade = traded.trade
    if traded.feed.grows:  # the host counts only bars that are complete
        begin, end = traded.began, traded.ended
    else:
        begin, end = trade.baropen - 1, trade.barclose - 1
    return begin, end if trade.isclosed else None


def _texts(values: Sequence[str | None]) -> pa.Array:
    return pa.array(values, pa.string())


def _times(trades: Sequence[Traded], bars: Sequence[int | None]) -> pa.Array:
    """Return the times of bars, each of its trade's own feed."""
    times: list[Any] = [None] * len(bars)
    by_feed: dict[int, tuple[Feed, list[int]]] = {}
    for place, traded in enumerate(trades):
        by_feed.setdefault(traded.feed.index, (traded.feed, []))[1].append(place)
    for feed, places in by_feed.values():
        at = np.array([-1 if (bar := bars[place]) is None else bar for place in places])
        for place, time in zip(places, feed.labels(at), strict=True):
            times[place] = time.value
    return pa.array(times, pa.int64()).cast(pa.timestamp("ns", tz="UTC"))


def status_table(session: Session, ear: Ear) -> pa.Table:
    """Return what became of a strategy's signals, in the order in which it happened."""
    numbers = np.array(ear.outcomes.statuses(), dtype=np.int64).reshape(-1, 6)
    which, bar, signal, order, place, leads = numbers.T
    signal = np.where(leads == 1, signal, -1)  # of a bracket's children only the order is told
    times = np.zeros(len(bar), dtype=np.int64)
    valid = np.zeros(len(bar), dtype=bool)
    for feed in session.feeds:
        mine = which == feed.index
        if mine.any():
            labels = feed.labels(bar[mine])
            times[mine] = labels.cast(pa.int64()).fill_null(0).to_numpy()
            valid[mine] = labels.is_valid().to_numpy(zero_copy_only=False)
    words = [
        pa.array([None if o[i] is None else str(o[i]) for o in rows.OUTCOMES], pa.string())
        for i in range(4)
    ]
    at = pa.array(place)
    names = [(feed.symbol, feed.timeframe) for feed in session.feeds]
    signal_id = [session.engine.signal_id(seq) for seq in signal.tolist()]
    return pa.table(
        {
            "symbol": _texts([name[0] for name in names]).take(pa.array(which)),
            "timeframe": _texts([name[1] for name in names]).take(pa.array(which)),
            "strategy_id": pa.repeat(pa.scalar(ear.strategy_id), len(bar)),
            "bar_index": bar,
            "timestamp": pc.if_else(
                pa.array(valid), pa.array(times).cast(pa.timestamp("ns", tz="UTC")), None
            ),
            "signal_id": pa.array(signal_id, pa.string()),
            "signal_seq": pa.array(signal, mask=signal < 0),
            "order_id": _texts([f"o{seq}" if seq >= 0 else None for seq in order.tolist()]),
            "order_seq": pa.array(order, mask=order < 0),
            "status": words[0].take(at),
            "reason": words[1].take(at),
            "actor": words[2].take(at),
            "detail": words[3].take(at),
        }
    )
