"""Parity certificates: what a comparison of two runs found, kept beside the replayed one."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final

from capture._version import __version__
from capture.errors import StoreError
from capture.store.explanations import explanation_of
from capture.store.layout import CERTIFICATES, MANIFEST, slug
from capture.store.records import (
    HASH,
    cannot_write,
    now_text,
    plain,
    read_record,
    write_record,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from capture.store.explanations import Explanation

__all__ = [
    "Comparison",
    "Context",
    "Difference",
    "ParityCertificate",
    "certificate_problem",
    "keep_certificate",
    "read_certificates",
]

CERTIFICATE_VERSION: Final = 2
# 1: first release
# 2: may hold an explanation of the differences

_FIRST: Final = (
    "signal_id",
    "action",
    "call",
    "symbol",
    "bar_index",
    "entry_bar",
    "exit_bar",
    "side",
    "direction",
    "size",
    "open",
    "high",
    "low",
    "close",
)
"""What is shown first; a record keeps its members by name, and people do not think so."""

_TEXTS: Final = frozenset({"symbol"})
_NO_NUMBERS: Final = frozenset({"nan", "inf", "-inf"})


@dataclass(frozen=True, kw_only=True)
class Context:
    """What one of the two runs knew where they differ.

    Attributes:
        symbol: instrument.
        bar_index: bar of the difference.
        timestamp: its time, ISO 8601 in UTC; None if no bars were kept.
        bar: the market at this bar: open, high, low, close and what else the bars have.
        position: position held before it, as far as fills tell; None if none was recorded.
        signal: the signal behind it: that of the order, or else the last one up to this bar.
        order: the order intent behind it.
    """

    symbol: str | None = None
    bar_index: int | None = None
    timestamp: str | None = None
    bar: Mapping[str, float | None] = field(default_factory=dict)
    position: float | None = None
    signal: Mapping[str, Any] | None = None
    order: Mapping[str, Any] | None = None

    def lines(self) -> Iterator[str]:
        """Yield the context as lines for people."""
        when = f" {self.timestamp}" if self.timestamp else ""
        market = "".join(f", {name} {value}" for name, value in _ordered(self.bar).items())
        yield f"{self.symbol or 'all'} bar {self.bar_index}{when}{market}"
        if self.position is not None:
            yield f"position before {self.position:g}"
        for name, row in (("signal", self.signal), ("order", self.order)):
            said = {} if row is None else _ordered(row)
            if said:
                yield f"{name} " + ", ".join(f"{key} {value}" for key, value in said.items())


@dataclass(frozen=True)
class Difference:
    """The first place at which two tables differ.

    Attributes:
        table: which table.
        row: number of the row in it.
        columns: the columns that differ there.
        original: the row of the recorded run; None if it has no such row.
        replayed: the row of the replay; None if it has no such row.
        original_context: what was there in the recorded run.
        replayed_context: what was there in the replay.
    """

    table: str
    row: int
    columns: tuple[str, ...]
    original: dict[str, Any] | None
    replayed: dict[str, Any] | None
    original_context: Context | None = None
    replayed_context: Context | None = None

    def __str__(self) -> str:
        if self.original is None or self.replayed is None:
            only = "the original" if self.replayed is None else "the replay"
            row = _ordered(self.original or self.replayed or {})
            return f"{self.table} row {self.row} is only in {only}: {row}"
        pairs = ", ".join(
            f"{name} {self.original.get(name)!r} became {self.replayed.get(name)!r}"
            for name in self.columns
        )
        return f"{self.table} row {self.row}: {pairs}"

    def context_lines(self) -> Iterator[str]:
        """Yield what was there on both sides, as lines for people."""
        sides = (("original", self.original_context), ("replay", self.replayed_context))
        for name, context in sides:
            for line in () if context is None else context.lines():
                yield f"{name}: {line}"


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

    @property
    def empty(self) -> bool:
        """Whether there was nothing to compare: no rows on either side."""
        return not self.original_rows and not self.replayed_rows


@dataclass(frozen=True)
class ParityCertificate:
    """Says whether trades, fills and equity of two recordings are equal with `==`.

    Attributes:
        original: the recorded run.
        replayed: the replay.
        comparisons: how each table compares: trades, fills, equity.
        strategy: the strategy that was compared, of a recording that holds several.
        explanation: where the differences come from, if that was asked for.
        saved: when it was stored beside the replay, ISO 8601 in UTC; None if it was not.
    """

    original: str
    replayed: str
    comparisons: tuple[Comparison, ...]
    strategy: str | None = None
    explanation: Explanation | None = None
    saved: str | None = field(default=None, compare=False)

    @property
    def exact(self) -> bool:
        """Whether all of it is equal."""
        return all(comparison.exact for comparison in self.comparisons)

    @property
    def empty(self) -> tuple[str, ...]:
        """The tables of which neither run has a row, so that nothing was proven of them."""
        return tuple(comparison.table for comparison in self.comparisons if comparison.empty)

    @property
    def first_difference(self) -> Difference | None:
        """The first difference, of trades before fills before equity; None if there is none."""
        return next((c.difference for c in self.comparisons if c.difference), None)

    @property
    def verdict(self) -> str:
        """What came of it, in a few words."""
        if not self.exact:
            return "differs"
        if len(self.empty) == len(self.comparisons):
            return f"nothing to compare: 0 rows of {_listed(self.empty)}"
        return f"exact, with 0 rows of {_listed(self.empty)}" if self.empty else "exact"

    def to_dict(self) -> dict[str, Any]:
        """Return the certificate as plain values."""
        return {
            "original": self.original,
            "replayed": self.replayed,
            "strategy": self.strategy,
            "exact": self.exact,
            "empty": list(self.empty),
            "saved": self.saved,
            "comparisons": [asdict(comparison) for comparison in self.comparisons],
            "explanation": None if self.explanation is None else self.explanation.to_dict(),
        }

    def __str__(self) -> str:
        which = "" if self.strategy is None else f", strategy {self.strategy}"
        lines = [f"{self.replayed} against {self.original}{which}: {self.verdict}"]
        for c in self.comparisons:
            said = f"{c.equal_rows} equal before, then {c.difference}"
            if c.exact:
                said = "0 rows in both" if c.empty else f"{c.original_rows} equal"
            lines.append(f"  {c.table}: {said}")
        if self.first_difference is not None:
            lines += [f"    {line}" for line in self.first_difference.context_lines()]
        if self.explanation is not None:
            lines += [f"  {line}" for line in self.explanation.lines()]
        return "\n".join(lines)


def _ordered(row: Mapping[str, Any]) -> dict[str, Any]:
    rank = {name: number for number, name in enumerate(_FIRST)}
    return dict(sorted(row.items(), key=lambda item: (rank.get(item[0], len(rank)), item[0])))


def _listed(names: tuple[str, ...]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


# --- on disk -------------------------------------------------------------------------------------


def keep_certificate(
    certificate: ParityCertificate, folder: Path, original: Path
) -> tuple[Path, ParityCertificate]:
    """Write a certificate beside the replay; return its file, and it as it was written.

    It is bound to both runs by the hashes of their manifests.

    Args:
        certificate: what was found.
        folder: folder of the replayed run.
        original: folder of the recorded run.

    Raises:
        StoreError: one of the runs has not ended, or the folder cannot be written to.
    """
    record = {
        "format": CERTIFICATE_VERSION,
        "original": certificate.original,
        "replayed": certificate.replayed,
        "strategy": certificate.strategy,
        "exact": certificate.exact,
        "comparisons": [asdict(comparison) for comparison in certificate.comparisons],
        "explanation": None if certificate.explanation is None else asdict(certificate.explanation),
        "original_sha256": _seal_of(original, certificate.original),
        "replayed_sha256": _seal_of(folder, certificate.replayed),
        "capture": __version__,
        "saved": now_text(),
    }
    path = folder / CERTIFICATES / _name(certificate)
    try:
        path.parent.mkdir(exist_ok=True)
    except OSError as exc:
        raise cannot_write(path, exc) from exc
    return path, _of_record(write_record(path, plain(record)))


def read_certificates(folder: Path) -> tuple[ParityCertificate, ...]:
    """Read what is kept beside a run, by name of the file.

    Raises:
        CorruptRecording: one of them is not what was written.
    """
    files = sorted((folder / CERTIFICATES).glob("*.json"))
    return tuple(_of_record(read_record(path)) for path in files if path.name[0] != ".")


def certificate_problem(record: Mapping[str, Any], name: str, runs: Mapping[str, str]) -> str:
    """Return what is wrong with a certificate that lies beside a run; nothing if all is well.

    Args:
        record: the certificate as it was written.
        name: the run that it lies beside.
        runs: hashes of the manifests of this run and of the original, as far as they are known.
    """
    if record.get("replayed") != name:
        return "the certificate is another run's"
    for side in ("replayed", "original"):
        run = record.get(side)
        known = runs.get(str(run))
        if known is not None and known != record.get(f"{side}_sha256"):
            return f"the certificate is not of {run} as it is; compare again: capture parity"
    return ""


def _name(certificate: ParityCertificate) -> str:
    """Return the name of a certificate's file: one per original and strategy."""
    if certificate.strategy is None:
        return f"{certificate.original}.json"
    mark = hashlib.sha256(certificate.strategy.encode()).hexdigest()[:8]
    return f"{certificate.original}.{slug(certificate.strategy)}-{mark}.json"


def _seal_of(folder: Path, run_id: str) -> str:
    path = folder / MANIFEST
    if not path.exists():
        raise StoreError(
            folder,
            f"{run_id} has not ended, so a certificate would not be of all of it",
            "compare again when it has ended",
        )
    return str(read_record(path)[HASH])


def _of_record(record: Mapping[str, Any]) -> ParityCertificate:
    return ParityCertificate(
        record["original"],
        record["replayed"],
        tuple(_comparison(said) for said in record["comparisons"]),
        record["strategy"],
        explanation_of(said) if (said := record.get("explanation")) else None,
        record["saved"],
    )


def _comparison(said: Mapping[str, Any]) -> Comparison:
    return Comparison(**{**said, "difference": _difference(said["difference"])})


def _difference(said: Mapping[str, Any] | None) -> Difference | None:
    if said is None:
        return None
    return Difference(
        **{
            **said,
            "columns": tuple(said["columns"]),
            "original": _row(said["original"]),
            "replayed": _row(said["replayed"]),
            "original_context": _context(said["original_context"]),
            "replayed_context": _context(said["replayed_context"]),
        }
    )


def _context(said: Mapping[str, Any] | None) -> Context | None:
    if said is None:
        return None
    numbers = {"bar": _row(said["bar"]), "position": _number(said["position"])}
    return Context(**{**said, **numbers})


def _row(said: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if said is None:
        return None
    return {k: v if k in _TEXTS else _number(v) for k, v in said.items()}


def _number(value: Any) -> Any:
    """Return a number that JSON has no word for, as the number that it was."""
    return float(value) if isinstance(value, str) and value in _NO_NUMBERS else value
