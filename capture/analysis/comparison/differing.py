"""`diff`: where two recordings part, and what differs there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa

from capture.analysis.comparison.aligning import align, joint_codes
from capture.analysis.comparison.result import CHANGED, ONLY_A, ONLY_B, Diff, Divergence
from capture.analysis.comparison.sides import (
    NOWHERE,
    numbers,
    same_market,
    side_of,
    spans_of_both,
)
from capture.errors import ConfigError
from capture.events import Reason
from capture.filters import Predicate
from capture.store.recording import a_recording
from capture.store.signals_table import signals_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from numpy.typing import NDArray

    from capture.analysis.comparison.aligning import Alignment
    from capture.store.recording import Recording

__all__ = ["DECISIONS", "Sides", "any_of", "changes_of", "diff", "first_divergence"]

_UNLIKE: Final = frozenset(
    {
        "part",
        "seq",
        "signal_id",
        "recorded_time",
        "bar_index",
        "timestamp",
        "source_signal_id",
        "references",
        "schema_version",
        "processing_ns",
        "late_missing",
        "strategy_id",
        "symbol",
        "timeframe",
        "phase",
    }
)
"""Columns that say which signal it is, or when and how it was recorded."""

DECISIONS: Final = ("direction", "strength", "order")
"""Columns that say what was wanted start with one of these words."""

_FATE: Final = ("disposition", "reason")
_SURROUNDINGS: Final = (
    "strategy",
    "host",
    "host_version",
    "code_sha256",
    "git_revision",
    "python",
    "libraries",
    "params",
    "settings",
    "seed",
)


def diff(
    a: Recording, b: Recording, *, tolerance: float = 0.0, columns: Iterable[str] | None = None
) -> Diff:
    """Compare two recordings signal by signal.

    A signal of one run is that of the other which has the same strategy, symbol, timeframe, time
    of its bar, phase and place among the signals of the bar. Signals at bars that only one of the
    runs has data of are counted apart, and not judged.

    Args:
        a: a recording.
        b: another one.
        tolerance: how far apart two numbers may be, relative to the larger one.
        columns: names of columns to compare, or beginnings such as `indicator_`; by default all
            that do not say when and how a signal was recorded.

    Raises:
        ConfigError: the tolerance is negative or not a number.

    Example:
        ```python
        print(capture.diff(store["before"], store["after"], tolerance=1e-9))
        ```
    """
    a_recording(a, "a")
    a_recording(b, "b")
    if not tolerance >= 0:
        raise ConfigError("tolerance", tolerance, "give 0 or a small positive number")
    alike = same_market(a, b)
    one, other = side_of(a, market=not alike), side_of(b, market=not alike)
    spans = spans_of_both(a, b)
    found = align(one, other, spans)
    wanted = None if columns is None else tuple(columns)
    changes = changes_of(one, other, found, tolerance, wanted)
    if spans[0] != spans[1]:
        _forgive_the_end(one, other, found, changes)
    changes = {name: rows for name, rows in changes.items() if rows.any()}
    any_change = any_of(changes, len(found.a))
    wants = {name: rows for name, rows in changes.items() if name.startswith(DECISIONS)}
    decided = any_of(wants, len(found.a))
    sides = Sides(a, b, one, other)
    by_column = sorted(((n, int(r.sum())) for n, r in changes.items()), key=lambda c: -c[1])
    mine, theirs = _compared(one, wanted), _compared(other, wanted)
    return Diff(
        a=a.run_id,
        b=b.run_id,
        same=len(found.a) - int(any_change.sum()),
        changed=int(any_change.sum()),
        only_a=len(found.only_a),
        only_b=len(found.only_b),
        beyond_a=len(found.beyond_a),
        beyond_b=len(found.beyond_b),
        by_column=dict(by_column),
        first=first_divergence(sides, found, any_change, changes),
        first_decision=first_divergence(sides, found, decided, changes),
        surroundings=dict(_surroundings(a, b)),
        columns_a=tuple(n for n in mine if n not in theirs and _holds(one, n)),
        columns_b=tuple(n for n in theirs if n not in mine and _holds(other, n)),
        tolerance=tolerance,
    )


def _compared(table: pa.Table, wanted: tuple[str, ...] | None) -> dict[str, None]:
    names = [n for n in table.column_names if n not in _UNLIKE]
    return dict.fromkeys(n for n in names if wanted is None or n.startswith(wanted))


def _holds(table: pa.Table, name: str) -> bool:
    return bool(table.column(name).null_count < table.num_rows)


def changes_of(
    one: pa.Table,
    other: pa.Table,
    found: Alignment,
    tolerance: float,
    wanted: tuple[str, ...] | None,
) -> dict[str, NDArray[np.bool_]]:
    """Return of each column that both runs have which of the matched signals differ in it."""
    theirs = _compared(other, wanted)
    return {
        name: _differ(one, other, name, found, tolerance)
        for name in _compared(one, wanted)
        if name in theirs
    }


def _differ(
    one: pa.Table, other: pa.Table, name: str, found: Alignment, tolerance: float
) -> NDArray[np.bool_]:
    kinds = one.schema.field(name).type, other.schema.field(name).type
    if any(map(pa.types.is_floating, kinds)) and not any(map(pa.types.is_string, kinds)):
        mine, theirs = _reals(one, name)[found.a], _reals(other, name)[found.b]
        differ: NDArray[np.bool_] = (mine != theirs) & ~(np.isnan(mine) & np.isnan(theirs))
        if tolerance and differ.any():
            with np.errstate(invalid="ignore", over="ignore"):
                size = np.maximum(np.abs(mine), np.abs(theirs))
                differ &= ~(np.abs(mine - theirs) <= tolerance * size) | np.isinf(size)
        return differ
    if all(map(_is_whole, kinds)):
        whole: NDArray[np.bool_] = numbers(one, name)[found.a] != numbers(other, name)[found.b]
        return whole
    codes = joint_codes(one, other, name)
    texts: NDArray[np.bool_] = np.not_equal(
        codes[: one.num_rows][found.a], codes[one.num_rows :][found.b]
    )
    return texts


def _is_whole(kind: pa.DataType) -> bool:
    tests = (pa.types.is_integer, pa.types.is_boolean, pa.types.is_timestamp)
    return any(test(kind) for test in tests)


def _reals(table: pa.Table, name: str) -> NDArray[np.float64]:
    values: NDArray[np.float64] = table.column(name).cast(pa.float64()).to_numpy()
    return values


def _forgive_the_end(
    one: pa.Table, other: pa.Table, found: Alignment, changes: dict[str, NDArray[np.bool_]]
) -> None:
    """Do not judge what became of orders which the shorter data gave no chance to be filled."""
    if "reason" not in changes:
        return
    end = str(Reason.END_OF_DATA)
    ended = np.zeros(len(found.a), bool)
    for table, rows in ((one, found.a), (other, found.b)):
        said = table.column("reason").take(pa.array(rows)).to_pandas()
        ended |= (said == end).to_numpy()
    for name in _FATE:
        if name in changes:
            changes[name] &= ~ended


def any_of(changes: Mapping[str, NDArray[np.bool_]], count: int) -> NDArray[np.bool_]:
    """Say of each matched signal whether any of these columns differs."""
    found = np.zeros(count, bool)
    for rows in changes.values():
        found |= rows
    return found


class Sides(NamedTuple):
    """Both runs, and their signals."""

    a: Recording
    b: Recording
    one: pa.Table
    other: pa.Table


def first_divergence(
    sides: Sides,
    found: Alignment,
    changed: NDArray[np.bool_],
    changes: Mapping[str, NDArray[np.bool_]],
) -> Divergence | None:
    """Return the earliest signal that is missing on a side, or is among the changed ones."""
    times_a, times_b = found.times
    places = np.flatnonzero(changed)
    candidates = []
    for kind, rows, times in (
        (CHANGED, found.a[places], times_a),
        (ONLY_A, found.only_a, times_a),
        (ONLY_B, found.only_b, times_b),
    ):
        if len(rows):
            place = int(np.argmin(times[rows]))  # of several at one time, the first
            candidates.append((int(times[rows][place]), kind, int(rows[place]), place))
    if not candidates:
        return None
    _, kind, row, place = min(candidates, key=lambda found: found[0])
    if kind == CHANGED:
        match = int(places[place])
        pair = (
            _row(sides.a, sides.one, int(found.a[match])),
            _row(sides.b, sides.other, int(found.b[match])),
        )
        values = {n: (pair[0].get(n), pair[1].get(n)) for n, rows in changes.items() if rows[match]}
        return _divergence(kind, *pair, int(found.ordinals[0][row]), values)
    side = (sides.a, sides.one) if kind == ONLY_A else (sides.b, sides.other)
    said = _row(*side, row)
    seen = {n: v for n, v in said.items() if n not in _UNLIKE and v is not None and v == v}
    shown = {n: (v, None) if kind == ONLY_A else (None, v) for n, v in seen.items()}
    ordinal = int(found.ordinals[0 if kind == ONLY_A else 1][row])
    return _divergence(
        kind, said if kind == ONLY_A else None, None if kind == ONLY_A else said, ordinal, shown
    )


def _row(recording: Recording, table: pa.Table, row: int) -> dict[str, Any]:
    """Return all that is known of one signal, its market data included."""
    said: dict[str, Any] = table.slice(row, 1).to_pylist()[0]
    place = [Predicate("part", "=", said["part"]), Predicate("seq", "=", said["seq"])]
    whole = signals_table(recording, None, place).to_pylist()
    return {**(whole[0] if whole else {}), **said}


def _divergence(
    kind: str,
    mine: dict[str, Any] | None,
    theirs: dict[str, Any] | None,
    ordinal: int,
    values: Mapping[str, tuple[Any, Any]],
) -> Divergence:
    said = mine or theirs or {}
    time = said.get("timestamp")
    bar = said.get("bar_index")
    return Divergence(
        kind=kind,
        strategy_id=said.get("strategy_id"),
        symbol=said.get("symbol"),
        timeframe=said.get("timeframe"),
        time=f"bar {bar}" if time is None else time.isoformat(),
        bar_index=None if bar == NOWHERE else bar,
        ordinal=ordinal,
        signal_a=None if mine is None else mine["signal_id"],
        signal_b=None if theirs is None else theirs["signal_id"],
        values=dict(values),
    )


def _surroundings(a: Recording, b: Recording) -> Iterator[tuple[str, tuple[Any, Any]]]:
    """Yield what else the runs differ in, one by one."""
    for name in _SURROUNDINGS:
        one, other = a.manifest.get(name), b.manifest.get(name)
        if isinstance(one, dict) and isinstance(other, dict):
            for key in sorted(one.keys() | other.keys()):
                if one.get(key) != other.get(key):
                    yield f"{name}.{key}", (one.get(key), other.get(key))
        elif one != other:
            yield name, (one, other)
    mine, theirs = _data(a), _data(b)
    for symbol in sorted(mine.keys() | theirs.keys()):
        if mine.get(symbol) != theirs.get(symbol):
            yield f"data.{symbol}", (mine.get(symbol), theirs.get(symbol))


def _data(recording: Recording) -> dict[str, str]:
    return {
        " ".join(filter(None, (ref["symbol"], ref["timeframe"]))): (
            f"{ref['rows']} bars, {ref['fingerprint'][:12]}"
        )
        for part in recording.parts
        for ref in part.base
    }
