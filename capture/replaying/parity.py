"""The parity certificate: whether a replay came out the same as the run that was recorded."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

if TYPE_CHECKING:
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


@dataclass(frozen=True)
class Difference:
    """The first place at which two tables differ.

    Attributes:
        table: which table.
        row: number of the row in it.
        columns: the columns that differ there.
        original: the row of the recorded run; None if it has no such row.
        replayed: the row of the replay; None if it has no such row.
    """

    table: str
    row: int
    columns: tuple[str, ...]
    original: dict[str, Any] | None
    replayed: dict[str, Any] | None

    def __str__(self) -> str:
        if self.original is None or self.replayed is None:
            only = "the original" if self.replayed is None else "the replay"
            return (
                f"{self.table} row {self.row} is only in {only}: {self.original or self.replayed}"
            )
        pairs = ", ".join(
            f"{name} {self.original.get(name)!r} became {self.replayed.get(name)!r}"
            for name in self.columns
        )
        return f"{self.table} row {self.row}: {pairs}"


@dataclass(frozen=True)
class Comparison:
    """How one table compares."""

    table: str
    original_rows: int
    replayed_rows: int
    equal_rows: int
    difference: Difference | None

    @property
    def exact(self) -> bool:
        """Whether every row is equal."""
        return self.difference is None


@dataclass(frozen=True)
class ParityCertificate:
    """Says whether trades, fills and equity of two recordings are equal with `==`."""

    original: str
    replayed: str
    comparisons: tuple[Comparison, ...]

    @property
    def exact(self) -> bool:
        """Whether all of it is equal."""
        return all(comparison.exact for comparison in self.comparisons)

    @property
    def first_difference(self) -> Difference | None:
        """The first difference, of trades before fills before equity; None if there is none."""
        return next((c.difference for c in self.comparisons if c.difference), None)

    def to_dict(self) -> dict[str, Any]:
        """Return the certificate as plain values."""
        return {
            "original": self.original,
            "replayed": self.replayed,
            "exact": self.exact,
            "comparisons": [asdict(comparison) for comparison in self.comparisons],
        }

    def __str__(self) -> str:
        lines = [f"{self.replayed} against {self.original}: {'exact' if self.exact else 'differs'}"]
        for c in self.comparisons:
            said = f"{c.original_rows} equal" if c.exact else f"{c.equal_rows} equal before"
            lines.append(
                f"  {c.table}: {said}" + (f", then {c.difference}" if c.difference else "")
            )
        return "\n".join(lines)


def parity(original: Recording, replayed: Recording) -> ParityCertificate:
    """Compare trades, fills and equity of two recordings, to the last bit."""
    return ParityCertificate(
        original.run_id,
        replayed.run_id,
        tuple(_compare(name, original, replayed) for name in _COMPARED),
    )


def _compare(name: str, original: Recording, replayed: Recording) -> Comparison:
    columns = list(_COMPARED[name])
    one, other = original.table(name, columns), replayed.table(name, columns)
    difference = _first_difference(name, one, other)
    equal = one.num_rows if difference is None else difference.row
    return Comparison(name, one.num_rows, other.num_rows, equal, difference)


def _first_difference(name: str, one: pa.Table, other: pa.Table) -> Difference | None:
    if one.equals(other):
        return None
    rows = min(one.num_rows, other.num_rows)
    first, columns = rows, tuple(one.column_names)
    for column in one.column_names:
        then = one.column(column).to_pylist()[:first]
        now = other.column(column).to_pylist()[:first]
        place = next(
            (i for i, (a, b) in enumerate(zip(then, now, strict=True)) if differ(a, b)), None
        )
        if place is not None:
            first = place
    if first == rows and one.num_rows == other.num_rows:
        return None  # NaN where NaN was
    was = one.slice(first, 1).to_pylist()
    became = other.slice(first, 1).to_pylist()
    if was and became:
        columns = tuple(n for n in columns if differ(was[0][n], became[0][n]))
    return Difference(name, first, columns, was[0] if was else None, became[0] if became else None)


def differ(one: Any, other: Any) -> bool:
    """Say whether two values differ; a NaN is equal to a NaN."""
    return bool(one != other and not (one != one and other != other))
