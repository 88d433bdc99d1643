"""What became of each signal, worked out from the orders that the host filled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
from vectorbt.portfolio.enums import (
    AccumulationMode,
    OppositeEntryMode,
    OrderStatusInfo,
    SizeType,
    StopExitPrice,
)

from capture.events import Reason, SignalStatus
from capture_vectorbt.refusals import prices_of, refusals

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from capture_vectorbt.accounts import Account
    from capture_vectorbt.cells import Cells, Simulated

__all__ = ["OUTCOMES", "Fates", "fates_of"]

OUTCOMES: Final = (
    (SignalStatus.EXECUTED, Reason.FILLED, "broker"),
    (SignalStatus.PARTIALLY_FILLED, Reason.PARTIALLY_FILLED, "broker"),
    (SignalStatus.CANCELLED, Reason.SUPERSEDED, "broker"),
    (SignalStatus.REJECTED, Reason.ALREADY_IN_POSITION, "broker"),
    (SignalStatus.REJECTED, Reason.NOTHING_TO_CLOSE, "broker"),
    (SignalStatus.REJECTED, Reason.SIZED_TO_ZERO, "sizer"),
    (SignalStatus.REJECTED, Reason.INSUFFICIENT_CASH, "broker"),
    (SignalStatus.REJECTED, Reason.INVALID_ORDER, "broker"),
    (SignalStatus.REJECTED, Reason.REJECTED_BY_BROKER, "broker"),
    (SignalStatus.REJECTED, Reason.RISK_LIMIT, "broker"),
)
"""What can become of a signal here; an outcome is a place in this list."""

(
    _FILLED,
    _PARTIALLY,
    _SUPERSEDED,
    _IN_POSITION,
    _NOTHING,
    _ZERO,
    _NO_CASH,
    _INVALID,
    _REJECTED,
    _LIMIT,
) = range(len(OUTCOMES))

_STOPPED: Final = "a stop closed the position first"
_CONFLICT: Final = "another signal of the same bar went before it"
_UNKNOWN: Final = "vectorbt says why only with log=True"
_DETAILS: Final = (None, _STOPPED, _CONFLICT, _UNKNOWN, *OrderStatusInfo._fields)
_WORDS: Final = pa.array(_DETAILS, pa.string())

_OF_LOG: Final = {
    "NoCashLong": _NO_CASH,
    "NoCashShort": _NO_CASH,
    "CantCoverFees": _NO_CASH,
    "MaxSizeExceeded": _LIMIT,
    "SizeZero": _ZERO,
    "MinSizeNotReached": _ZERO,
    "SizeNaN": _INVALID,
    "PriceNaN": _INVALID,
    "NoOpenPosition": _NOTHING,
}
_OF_DERIVED: Final = {**_OF_LOG, "PartialFill": _NO_CASH}
"""The same for what was derived; of the log alone one cannot tell what a part lacked."""


@dataclass(frozen=True)
class Fates:
    """What became of the signals, and which fills are theirs.

    Attributes:
        outcomes: by signal, its place in `OUTCOMES`.
        details: by signal, the host's own words.
        signal_of: by fill, the number of its signal; -1 if it has none.
        stopped: by fill, whether a stop made it: its signal is that of the entry.
    """

    outcomes: NDArray[np.int8]
    details: pa.Array
    signal_of: NDArray[np.int64]
    stopped: NDArray[np.bool_]


def fates_of(cells: Cells, simulated: Simulated | None, account: Account) -> Fates:
    """Return the fates.

    Args:
        cells: the signals.
        simulated: what the simulation was given; None if it was not heard.
        account: what it came to.
    """
    records, assets, cash, logs = (
        account.records,
        account.assets,
        account.own_cash,
        account.logs,
    )
    if simulated is None:
        count = len(records)
        nobody = np.full(count, -1, dtype=np.int64)
        return Fates(np.empty(0, np.int8), _WORDS[:0], nobody, np.zeros(count, dtype=bool))
    width = simulated.shape[1]
    keys = cells.bars * width + cells.columns
    met = _meetings(cells, simulated, records, keys, assets)
    signal_of = np.full(len(records), -1, dtype=np.int64)
    own = np.flatnonzero(met.mine)
    # Of several, an entry goes before an exit, and the first before others.
    for wanted in (True, False):
        chosen = own[cells.exits[own] == wanted][::-1]
        signal_of[met.records[chosen]] = chosen
    stopped = (signal_of < 0) if simulated.signals else np.zeros(len(records), dtype=bool)
    _link_stops(signal_of, records, stopped, cells)
    outcomes, words = _reasons(cells, simulated, keys, met, assets, cash)
    if len(own):
        _partial(outcomes, own, cells, simulated, records[met.records[own]])
    if logs is not None:
        _from_log(outcomes, words, met.mine, keys, logs, width)
    return Fates(outcomes, _WORDS.take(pa.array(words)), signal_of, stopped)


@dataclass(frozen=True)
class _Meetings:
    """Signals and filled orders of the same cells; by signal.

    Attributes:
        there: whether an order was filled in its cell.
        mine: whether that was the signal's own.
        records: which order it was; any number where there is none.
        by_stop: whether a stop made it.
        idle: whether it would leave what is not held.
    """

    there: NDArray[np.bool_]
    mine: NDArray[np.bool_]
    records: NDArray[np.int64]
    by_stop: NDArray[np.bool_]
    idle: NDArray[np.bool_]


def _meetings(
    cells: Cells,
    simulated: Simulated,
    records: NDArray[Any],
    keys: NDArray[np.int64],
    assets: NDArray[np.float64],
) -> _Meetings:
    idle = _idle(cells, simulated, assets)
    if not len(records):
        never = np.zeros(len(keys), dtype=bool)
        return _Meetings(never, never, np.zeros(len(keys), dtype=np.int64), never, idle)
    by_stop = _by_stop(records, simulated, assets)
    filled = records["idx"] * simulated.shape[1] + records["col"]
    inside = np.minimum(np.searchsorted(filled, keys), len(filled) - 1)
    there = filled[inside] == keys
    stopped = there & by_stop[inside]
    mine = there
    if simulated.signals:  # an order of `from_orders` is the only thing that can have filled there
        side = 1 - 2 * records["side"][inside]
        mine = there & (cells.sides == side) & ~stopped & ~idle
    return _Meetings(there, mine, inside, stopped, idle)


def _idle(cells: Cells, simulated: Simulated, assets: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Say which signals are exits of what is not held: what fills on their bar is another's."""
    if not simulated.signals:
        return np.zeros(len(cells), dtype=bool)
    held = np.sign(_before(assets, cells.bars, cells.columns))
    idle: NDArray[np.bool_] = cells.exits & (held != -cells.sides)
    return idle


def _before(assets: NDArray[np.float64], bars: Any, columns: Any) -> NDArray[np.float64]:
    """Return the position before these bars."""
    return np.where(bars > 0, assets[np.maximum(bars - 1, 0), columns], 0.0)


def _by_stop(
    records: NDArray[Any], simulated: Simulated, assets: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Say which orders closed at another price than an order of the strategy would have."""
    if not simulated.signals or not simulated.flag("use_stops") or not len(records):
        return np.zeros(len(records), dtype=bool)
    bars, columns = records["idx"], records["col"]
    side = 1 - 2 * records["side"]
    closing = _before(assets, bars, columns) * side < 0
    price = prices_of(simulated, bars, columns)
    slippage = simulated.at("slippage", bars, columns)
    usual = np.where(side > 0, price * (1 + slippage), price * (1 - slippage))
    modes = simulated.at("stop_exit_price", bars, columns)
    telling = (modes == StopExitPrice.StopLimit) | (modes == StopExitPrice.StopMarket)
    by_stop: NDArray[np.bool_] = closing & telling & (usual != records["price"])
    return by_stop


def _link_stops(
    signal_of: NDArray[np.int64], records: NDArray[Any], stopped: NDArray[np.bool_], cells: Cells
) -> None:
    """Give the fills of stops the signal that entered the position: the last before them."""
    if not stopped.any():
        return
    order = np.lexsort((records["idx"], records["col"]))
    own, columns = signal_of[order], records["col"][order]
    entered = (own >= 0) & ~cells.exits[np.maximum(own, 0)] if len(cells) else own >= 0
    last = np.maximum.accumulate(np.where(entered, np.arange(len(order)), -1))
    found = (last >= 0) & (columns[np.maximum(last, 0)] == columns)
    linked = np.where(found, own[np.maximum(last, 0)], -1)
    closed = stopped[order]
    signal_of[order[closed]] = linked[closed]


def _reasons(
    cells: Cells,
    simulated: Simulated,
    keys: NDArray[np.int64],
    met: _Meetings,
    assets: NDArray[np.float64],
    cash: NDArray[np.float64] | None,
) -> tuple[NDArray[np.int8], NDArray[np.int8]]:
    """Return the outcome of every signal, and the place of its detail."""
    bars, columns = cells.bars, cells.columns
    position = _before(assets, bars, columns)
    held = np.sign(position)
    outcomes = np.full(len(cells), _REJECTED, dtype=np.int8)
    words = np.full(len(cells), _DETAILS.index(_UNKNOWN), dtype=np.int8)

    def say(where: NDArray[np.bool_], outcome: int, detail: str | None = None) -> None:
        outcomes[where] = outcome
        words[where] = _DETAILS.index(detail)

    before = None
    if cash is not None:
        before = np.where(bars > 0, cash[np.maximum(bars - 1, 0), columns], np.inf)
    double = np.zeros(len(keys), dtype=bool)
    equal = keys[1:] == keys[:-1]
    double[1:] |= equal
    double[:-1] |= equal
    for word, where in refusals(cells, simulated, position, before):
        say(where & ~double, _OF_DERIVED[word], word)
    size = simulated.at("size", bars, columns)
    say(size == 0, _ZERO)
    if before is not None:
        say((before <= 0) & (cells.sides > 0) & (held >= 0), _NO_CASH)
    if simulated.signals:
        alone = simulated.at("accumulate", bars, columns) == AccumulationMode.Disabled
        say(~cells.exits & alone & (held == cells.sides), _IN_POSITION)
        left = simulated.at("upon_opposite_entry", bars, columns) == OppositeEntryMode.Ignore
        say(~cells.exits & left & (held == -cells.sides), _IN_POSITION)
        say(double & ~met.there & (outcomes == _REJECTED), _SUPERSEDED, _CONFLICT)
    else:
        kinds = simulated.at("size_type", bars, columns)
        there = position == size
        say((kinds == SizeType.TargetAmount) & there, _IN_POSITION)
    lost = met.there & ~met.mine
    say(lost, _SUPERSEDED, _CONFLICT)
    say(lost & met.by_stop, _SUPERSEDED, _STOPPED)
    say(met.idle, _NOTHING)
    say(met.mine, _FILLED)
    return outcomes, words


def _partial(
    outcomes: NDArray[np.int8],
    own: NDArray[np.int64],
    cells: Cells,
    simulated: Simulated,
    filled: NDArray[Any],
) -> None:
    """Mark the signals of which less was filled than was wanted, in units."""
    bars, columns = cells.bars[own], cells.columns[own]
    size = np.abs(np.asarray(simulated.at("size", bars, columns), dtype=np.float64))
    units = simulated.at("size_type", bars, columns) == SizeType.Amount
    less = filled["size"] < size * (1 - 1e-9)
    outcomes[own[units & np.isfinite(size) & less & ~cells.exits[own]]] = _PARTIALLY


def _from_log(
    outcomes: NDArray[np.int8],
    words: NDArray[np.int8],
    mine: NDArray[np.bool_],
    keys: NDArray[np.int64],
    logs: NDArray[Any],
    width: int,
) -> None:
    """Take the host's own word for orders that were not filled, where it kept a log."""
    logged = logs["idx"] * width + logs["col"]
    order = np.argsort(logged, kind="stable")
    if not len(order):
        return
    place = np.minimum(np.searchsorted(logged[order], keys), len(order) - 1)
    found = order[place]
    told = (logged[found] == keys) & ~mine & (outcomes == _REJECTED)
    info = logs["res_status_info"][found]
    for number, name in enumerate(OrderStatusInfo._fields):
        where = told & (info == number)
        outcomes[where] = _OF_LOG.get(name, _REJECTED)
        words[where] = _DETAILS.index(name)
