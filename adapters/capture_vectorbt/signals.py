"""The tables of signals, orders, fills and statuses of a call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from vectorbt.portfolio.enums import SizeType

from capture.schema import SCHEMA_VERSION
from capture_vectorbt.accounts import trade_numbers
from capture_vectorbt.cells import KINDS
from capture_vectorbt.fates import OUTCOMES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from capture_vectorbt.accounts import Account
    from capture_vectorbt.cells import Cells, Simulated
    from capture_vectorbt.fates import Fates
    from capture_vectorbt.frame import Frame

__all__ = ["fill_table", "order_table", "signal_table", "status_table"]

_SIZE_KINDS: Final = ("units", "value", "fraction", "target", "value", "fraction")
"""What the sizes of the host's size types are, by their number."""

_SIGNAL_TYPES: Final = pa.array(["entry", "exit", "adjustment"])

_SIZE_TYPES: Final = np.array(SizeType._fields)


def signal_table(
    cells: Cells,
    frame: Frame,
    account: Account | None,
    *,
    segments: NDArray[np.int32],
    signal_ids: pa.Array,
    gathered: Mapping[str, NDArray[Any]],
    late_missing: bool,
) -> pa.Table:
    """Return one row per signal."""
    bars, columns = cells.bars, cells.columns
    count = len(cells)
    directions = np.where(cells.exits, 0, cells.sides).astype(np.int8)
    return pa.table(
        {
            **frame.moments(bars, columns),
            "signal_id": signal_ids,
            "available_time": frame.timeline.closes(bars),
            "direction": directions,
            "signal_type": _SIGNAL_TYPES.take(pa.array(np.where(cells.takes, 2, directions == 0))),
            "segment": segments[columns],
            "schema_version": pa.repeat(pa.scalar(SCHEMA_VERSION, pa.int16()), count),
            "late_missing": pa.repeat(pa.scalar(late_missing), count),
            **({} if account is None else _holdings(cells, account)),
            **{name: pa.array(values) for name, values in gathered.items()},
        }
    )


def _holdings(cells: Cells, account: Account) -> dict[str, Any]:
    """Return what was held before the bar of each signal, and what all was worth after it."""
    bars, columns, first = cells.bars, cells.columns, cells.bars == 0
    earlier = np.maximum(bars - 1, 0)
    return {
        "position_before": np.where(first, 0.0, account.assets[earlier, columns]),
        "capital_available": pa.array(account.at(account.cash, earlier, columns), mask=first),
        "portfolio_equity": account.at(account.value, bars, columns),
    }


def order_table(
    cells: Cells,
    frame: Frame,
    simulated: Simulated,
    seqs: NDArray[np.int64],
    refs: Mapping[str, Any],
) -> pa.Table:
    """Return one order per signal: what it asks for.

    Args:
        cells: the signals.
        frame: times and names.
        simulated: what the simulation was given.
        seqs: the orders' own sequence numbers.
        refs: the columns that name the signals.
    """
    bars, columns = cells.bars, cells.columns
    count = len(cells)
    size = np.asarray(simulated.at("size", bars, columns), dtype=np.float64)
    types = np.asarray(simulated.at("size_type", bars, columns), dtype=np.int64)
    kinds = pa.array(_SIZE_KINDS).take(pa.array(types))
    kinds = pc.if_else(pa.array(np.isinf(size)), "sizer", kinds)
    closing = cells.exits & ~cells.takes
    return pa.table(
        {
            **frame.moments(bars, columns),
            **refs,
            "order_id": order_ids(seqs),
            "action": frame.words("new", count),
            "call": pa.array(KINDS).take(pa.array(cells.kinds)),
            "side": cells.sides,
            "order_type": frame.words("market", count),
            "size": pa.array(size, mask=closing),
            "size_kind": pc.if_else(pa.array(closing), "portion", kinds),
            "extra_size_type": pa.array(_SIZE_TYPES).take(pa.array(types)),
            **_stops(cells, simulated),
        }
    )


def _stops(cells: Cells, simulated: Simulated) -> dict[str, pa.Array]:
    """Return the stops of entries, as the fractions that they are to the host."""
    if "sl_stop" not in simulated:
        return {}
    bars, columns = cells.bars, cells.columns
    loss = np.asarray(simulated.at("sl_stop", bars, columns), dtype=np.float64)
    profit = np.asarray(simulated.at("tp_stop", bars, columns), dtype=np.float64)
    trailing = np.asarray(simulated.at("sl_trail", bars, columns), dtype=bool)
    return {
        "stop_loss": pa.array(loss, mask=np.isnan(loss) | trailing | cells.exits),
        "trail": pa.array(loss, mask=np.isnan(loss) | ~trailing | cells.exits),
        "take_profit": pa.array(profit, mask=np.isnan(profit) | cells.exits),
    }


def order_ids(seqs: NDArray[np.int64], known: NDArray[np.bool_] | None = None) -> pa.Array:
    """Return the identities of orders, null where they are not known."""
    ids = pc.binary_join_element_wise("o", pa.array(seqs).cast(pa.string()), "")
    return ids if known is None else pc.if_else(pa.array(known), ids, pa.scalar(None, pa.string()))


def fill_table(
    cells: Cells,
    frame: Frame,
    account: Account,
    fates: Fates,
    *,
    seqs: NDArray[np.int64],
    order_seqs: NDArray[np.int64],
    signal_ids: pa.Array,
) -> pa.Table:
    """Return one row per order that the host filled; `seqs` are those of signals."""
    records = account.records
    bars, columns = records["idx"], records["col"]
    side = (1 - 2 * records["side"]).astype(np.int8)
    close = account.close[bars, columns]
    owner, owned = fates.signal_of, fates.signal_of >= 0
    place = np.maximum(owner, 0)
    direct = owned & ~fates.stopped
    after = _position_after(records, account.assets, side)
    if not len(cells):
        place, seqs, order_seqs = place * 0, np.zeros(1, np.int64), np.zeros(1, np.int64)
        signal_ids = pa.array([""])
    return pa.table(
        {
            **frame.moments(bars, columns),
            "signal_id": signal_ids.take(pa.array(place, mask=~owned)),
            "signal_seq": pa.array(seqs[place], mask=~owned),
            "fill_id": pa.array(records["id"]).cast(pa.string()),
            "order_id": order_ids(order_seqs[place], direct),
            "order_seq": pa.array(order_seqs[place], mask=~direct),
            "side": side,
            "size": records["size"],
            "price": records["price"],
            "commission": records["fees"],
            "slippage": pa.array((records["price"] - close) * side, mask=~direct),
            "decision_bar": pa.array(bars, mask=~direct),
            "expected_price": pa.array(close, mask=~direct),
            "trade_number": trade_numbers(account),
            "position_after": after,
            "effect": _effect(after - side * records["size"], after),
        }
    )


def _position_after(
    records: NDArray[Any], assets: NDArray[np.float64], side: NDArray[np.int8]
) -> NDArray[np.float64]:
    """Return the position after each fill; of several on a bar, the host knows the last only."""
    after: NDArray[np.float64] = assets[records["idx"], records["col"]].copy()
    flows = side * records["size"]
    for place in np.flatnonzero(
        (records["idx"][1:] == records["idx"][:-1]) & (records["col"][1:] == records["col"][:-1])
    )[::-1]:
        after[place] = after[place + 1] - flows[place + 1]
    return after


def _effect(before: NDArray[np.float64], after: NDArray[np.float64]) -> pa.Array:
    places = np.where(after == 0, 2, np.where(np.abs(after) < np.abs(before), 1, 0))
    return pa.array(["open", "reduce", "close"]).take(pa.array(places))


def status_table(
    cells: Cells,
    frame: Frame,
    fates: Fates,
    order_seqs: NDArray[np.int64],
    refs: Mapping[str, Any],
) -> pa.Table:
    """Return what became of each signal."""
    words = [pa.array([str(outcome[i]) for outcome in OUTCOMES]) for i in range(3)]
    places = pa.array(fates.outcomes)
    moments = frame.moments(cells.bars, cells.columns)
    del moments["extra_column"]
    return pa.table(
        {
            **moments,
            **refs,
            "order_id": order_ids(order_seqs),
            "order_seq": order_seqs,
            "status": words[0].take(places),
            "reason": words[1].take(places),
            "actor": words[2].take(places),
            "detail": fates.details,
        }
    )
