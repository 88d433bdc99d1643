"""What a portfolio has to show for itself: its fills, its trades, its worth bar by bar."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
from vectorbt.base.reshape_fns import to_2d_array
from vectorbt.portfolio.enums import TradeDirection, TradeStatus

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from capture_vectorbt.frame import Frame

__all__ = ["Account", "account_of", "equity_tables", "trade_numbers", "trade_table"]

_ROWS: Final = 1_000_000
"""Rows of the equity table that are made at once."""


@dataclass(frozen=True)
class Account:
    """A portfolio as arrays.

    Attributes:
        records: the filled orders, by bar and column.
        trades: the host's own account of the trades, by exit and column.
        logs: its log of every order; None if it kept none.
        close: the price at the close of each bar, by column.
        assets: the position after each bar, by column.
        cash: the cash after each bar, by column, or by group where cash is shared.
        value: the worth after each bar, likewise.
        groups: labels of the groups that share cash; None if each column has its own.
        group_of: the group of each column.
    """

    records: NDArray[Any]
    trades: NDArray[Any]
    logs: NDArray[Any] | None
    close: NDArray[np.float64]
    assets: NDArray[np.float64]
    cash: NDArray[np.float64]
    value: NDArray[np.float64]
    groups: list[str] | None
    group_of: NDArray[np.int64]

    @property
    def own_cash(self) -> NDArray[np.float64] | None:
        """The cash of each column; None where columns share it."""
        return self.cash if self.groups is None else None

    def at(self, worth: NDArray[np.float64], bars: Any, columns: Any) -> NDArray[np.float64]:
        """Return cash or value of columns at these bars."""
        found: NDArray[np.float64] = worth[bars, self.group_of[columns]]
        return found


def account_of(portfolio: Any) -> Account:
    """Read a portfolio; what is computed for it is not kept in it."""
    twin = portfolio.replace()
    trades = twin.get_exit_trades(group_by=False).values
    shared = bool(twin.cash_sharing)
    grouping = None if shared else False
    records = twin.order_records
    order = np.lexsort((records["id"], records["col"], records["idx"]))
    logs = portfolio.log_records
    groups = [str(label) for label in twin.wrapper.get_columns()] if shared else None
    width = twin.wrapper.shape_2d[1]
    group_of = twin.wrapper.grouper.get_groups() if shared else np.arange(width)
    return Account(
        records=records[order],
        trades=trades[np.lexsort((trades["id"], trades["col"], trades["exit_idx"]))],
        logs=logs if len(logs) else None,
        close=to_2d_array(twin.close),
        assets=to_2d_array(twin.assets()),
        cash=to_2d_array(twin.cash(group_by=grouping)),
        value=to_2d_array(twin.value(group_by=grouping)),
        groups=groups,
        group_of=np.asarray(group_of, dtype=np.int64),
    )


def trade_table(account: Account, frame: Frame) -> pa.Table:
    """Return the trades."""
    trades = account.trades
    closed = trades["status"] == TradeStatus.Closed
    sign = np.where(trades["direction"] == TradeDirection.Long, 1.0, -1.0)
    exits = trades["exit_idx"]
    return pa.table(
        {
            **frame.owners(trades["col"]),
            "trade_number": np.arange(1, len(trades) + 1),
            "size": trades["size"] * sign,
            "entry_bar": trades["entry_idx"],
            "exit_bar": pa.array(exits, mask=~closed),
            "entry_time": frame.timeline.labels(trades["entry_idx"]),
            "exit_time": _known(frame.timeline.labels(exits), closed),
            "entry_price": trades["entry_price"],
            "exit_price": pa.array(trades["exit_price"], mask=~closed),
            "commission": trades["entry_fees"] + trades["exit_fees"],
            "profit": pa.array(trades["pnl"], mask=~closed),
            "extra_column": trades["col"],
        }
    )


def trade_numbers(account: Account) -> pa.Array:
    """Return for each fill the number of its trade.

    It is the first of its column that ends there or later: what turns a position closes one trade
    and opens the next, and counts for that which it closes.
    """
    trades, records, bars = account.trades, account.records, len(account.close)
    if not len(trades):
        return pa.nulls(len(records), pa.int64())
    ends = trades["col"] * bars + trades["exit_idx"]
    order = np.argsort(ends, kind="stable")
    sought = records["col"] * bars + records["idx"]
    found = order[np.minimum(np.searchsorted(ends[order], sought), len(order) - 1)]
    own = (trades["col"][found] == records["col"]) & (trades["entry_idx"][found] <= records["idx"])
    return pa.array(found + 1, mask=~own)


def _known(column: pa.Array, known: NDArray[np.bool_]) -> pa.Array:
    import pyarrow.compute as pc

    return pc.if_else(pa.array(known), column, pa.scalar(None, column.type))


def equity_tables(account: Account, frame: Frame) -> Iterator[pa.Table]:
    """Yield what each column, or each group that shares cash, was worth at every bar."""
    bars, width = account.value.shape
    step = max(1, _ROWS // max(bars, 1))
    times = frame.timeline.labels(np.arange(bars))
    for first in range(0, width, step):
        places = np.arange(first, min(first + step, width))
        held = account.assets[:, places] if account.groups is None else None
        repeated = np.repeat(places, bars)
        yield pa.table(
            {
                **_owners(account, frame, repeated),
                "timeframe": frame.words(frame.timeline.timeframe, len(repeated)),
                "bar_index": np.tile(np.arange(bars), len(places)),
                "timestamp": pa.concat_arrays([times] * len(places)),
                "equity": account.value[:, places].ravel(order="F"),
                "cash": account.cash[:, places].ravel(order="F"),
                **({} if held is None else {"position": held.ravel(order="F")}),
            }
        )


def _owners(account: Account, frame: Frame, places: NDArray[np.int64]) -> dict[str, pa.Array]:
    """Return strategy and symbol; of a group its first column's strategy, and its own name."""
    if account.groups is None:
        return frame.owners(places)
    first = np.searchsorted(account.group_of, np.arange(len(account.groups)))
    owners = frame.owners(first[places])
    return owners | {"symbol": pa.array(account.groups).take(pa.array(places))}
