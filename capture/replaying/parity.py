"""`capture.parity`: whether a replay came out the same as the run that was recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from capture.errors import ConfigError, NotReplayable, UnknownName
from capture.replaying.context import context_at
from capture.replaying.slices import Slice, strategies_of
from capture.store.certificates import Comparison, Difference, ParityCertificate
from capture.store.recording import a_recording

if TYPE_CHECKING:
    import pyarrow as pa

    from capture.store.explanations import Explanation
    from capture.store.recording import Recording

__all__ = ["Comparison", "Difference", "ParityCertificate", "differ", "parity"]

_COMPARED: Final = {
    "trades": (
        "symbol",
        "size",
        "entry_bar",
        "exit_bar",
        "entry_price",
        "exit_price",
        "commission",
        "profit",
    ),
    "fills": ("symbol", "bar_index", "side", "size", "price", "commission", "position_after"),
    "equity": ("symbol", "bar_index", "equity", "position"),
}
"""The columns that must be equal, by table, to the last bit."""


def parity(
    original: Recording,
    replayed: Recording | None = None,
    *,
    strategy: str | None = None,
    explain: bool = False,
    save: bool = False,
) -> ParityCertificate:
    """Compare trades, fills and equity of two recordings, to the last bit.

    Args:
        original: the recorded run; it may be left out, as in `capture.parity(replayed)`, if it is
            in the same store: the replay names its parent.
        replayed: the replay, or any other run.
        strategy: which strategy of a recording that holds several, such as a grid; by default the
            one that the replay says it replays.
        explain: lead every difference of fills to its cause: see `certificate.explanation`.
        save: keep the certificate beside the replay; `replayed.certificates` reads it again.

    Raises:
        NotReplayable: there is no original: the run names no parent.
        UnknownName: a recording has no such strategy.
        ConfigError: a recording holds several strategies, and none is named.
        StoreError: the certificate cannot be kept.
    """
    a_recording(original, "original")
    if replayed is None:
        original, replayed = _parent_of(original), original
    a_recording(replayed, "replayed")
    one, other = _slices(original, replayed, strategy)
    certificate = ParityCertificate(
        original.run_id,
        replayed.run_id,
        tuple(_compare(name, one, other) for name in _COMPARED),
        one.strategy_id,
        _explained(one, other) if explain else None,
    )
    if save:
        return replayed.store.keep_certificate(certificate, original.path)
    return certificate


def _explained(original: Slice, replayed: Slice) -> Explanation:
    from capture.replaying.explaining.explain import explain

    return explain(original, replayed)


def _parent_of(replayed: Recording) -> Recording:
    parent = replayed.manifest["parent"]
    if parent is None:
        raise NotReplayable(
            replayed.run_id,
            "it replays no other run, so there is nothing to compare it with",
            "name both runs",
        )
    return replayed.store[parent]


def _slices(original: Recording, replayed: Recording, strategy: str | None) -> tuple[Slice, Slice]:
    """Return what is compared with what: everything, or one strategy of each."""
    mine, theirs = strategies_of(original), strategies_of(replayed)
    wanted = strategy
    if wanted is None and replayed.start.get("parent") == original.run_id:
        wanted = (replayed.start.get("source") or {}).get("strategy_id")
    if wanted is None and len(mine) > 1 and mine.keys() != theirs.keys():
        raise ConfigError(
            "strategy",
            None,
            f"{original.run_id} holds {len(mine)} strategies; name one, such as {min(mine)!r}",
        )
    if wanted is None or (strategy is None and len(mine) <= 1):
        return Slice(original), Slice(replayed)
    if wanted not in mine:
        raise UnknownName("strategy of this recording", wanted, mine)
    if len(theirs) > 1 and wanted not in theirs:
        raise UnknownName("strategy of the replay", wanted, theirs)
    return Slice(original, wanted), Slice(replayed, wanted if len(theirs) > 1 else None)


def _compare(name: str, original: Slice, replayed: Slice) -> Comparison:
    columns = list(_COMPARED[name])
    one, other = original.table(name, columns), replayed.table(name, columns)
    found = _first_difference(one, other)
    if found is None:
        return Comparison(name, one.num_rows, other.num_rows, one.num_rows, None)
    row, columns = found
    was, became = (side.slice(row, 1).to_pylist() for side in (one, other))
    difference = Difference(
        name,
        row,
        tuple(columns),
        was[0] if was else None,
        became[0] if became else None,
        context_at(original, name, row, columns, was or became),
        context_at(replayed, name, row, columns, became or was),
    )
    return Comparison(name, one.num_rows, other.num_rows, row, difference)


def _first_difference(one: pa.Table, other: pa.Table) -> tuple[int, list[str]] | None:
    """Return the number of the first row that differs, and the columns that differ in it."""
    if one.equals(other):
        return None
    rows = min(one.num_rows, other.num_rows)
    first, columns = rows, list(one.column_names)
    for column in columns:
        then = one.column(column).to_pylist()[:first]
        now = other.column(column).to_pylist()[:first]
        place = next(
            (i for i, (a, b) in enumerate(zip(then, now, strict=True)) if differ(a, b)), None
        )
        if place is not None:
            first = place
    if first == rows and one.num_rows == other.num_rows:
        return None  # NaN where NaN was
    if first < rows:
        was, became = (side.slice(first, 1).to_pylist()[0] for side in (one, other))
        columns = [name for name in columns if differ(was[name], became[name])]
    return first, columns


def differ(one: Any, other: Any) -> bool:
    """Say whether two values differ; a NaN is equal to a NaN."""
    return bool(one != other and not (one != one and other != other))
