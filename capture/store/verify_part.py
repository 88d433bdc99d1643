"""Whether a sealed part is what was written, and which signals are concerned if it is not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pyarrow.compute as pc

from capture.errors import CaptureError, CorruptRecording
from capture.store.integrity import Chain, chain_file, chain_of
from capture.store.layout import PART_RECORD, inside
from capture.store.loading import open_backend, reading
from capture.store.part_reader import in_order
from capture.store.seal import hash_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import pyarrow as pa

__all__ = ["PartCheck", "PartProblem"]

_MOST_NAMED: Final = 20


@dataclass(frozen=True)
class PartProblem:
    """What is wrong with a file of a part, and the events that are concerned."""

    file: str
    text: str
    first_seq: int | None = None
    last_seq: int | None = None
    signal_id: str | None = None


class PartCheck:
    """The check of one sealed part.

    Attributes:
        files: how many files were hashed.
        signals: how many signals were checked one by one.
    """

    def __init__(
        self, part: Path, record: Mapping[str, Any], start: Mapping[str, Any] | None
    ) -> None:
        """Check a part against its record; `start` is the start record of its run, if readable."""
        self._part = part
        self._record = record
        self._start = start
        self.files = 0
        self.signals = 0

    def problems(self) -> Iterator[PartProblem]:
        """Yield everything that is wrong."""
        entries = {entry["name"]: entry for entry in self._record["files"]}
        broken = {}
        for name, entry in entries.items():
            self.files += 1
            problem = self._file_problem(name, entry)
            if problem is not None:
                broken[name] = problem
        for name, problem in broken.items():
            yield from self._located(entries[name], problem, broken.keys())
        yield from self._foreign(set(entries))
        for table in self._record["chains"]:
            files = {n for n, e in entries.items() if table in e["tables"]}
            if not files & broken.keys():
                yield from self._chain_problems(table, files)

    def _file_problem(self, name: str, entry: Mapping[str, Any]) -> str | None:
        try:
            path = inside(self._part, name)
            found = path.stat().st_size
            if found == entry["bytes"] and hash_file(path) == entry["sha256"]:
                return None
        except FileNotFoundError:
            return "the file is missing"
        except CorruptRecording as exc:
            return exc.problem
        except OSError as exc:
            return f"the file cannot be read ({exc.strerror})"
        if found != entry["bytes"]:
            return f"the file has {found} bytes where {entry['bytes']} were written"
        return "the file is not what was written"

    def _foreign(self, known: set[str]) -> Iterator[PartProblem]:
        for path in sorted(self._part.rglob("*")):
            name = path.relative_to(self._part).as_posix()
            hidden = any(piece.startswith(".") for piece in name.split("/"))
            if path.is_file() and not hidden and name not in known | {PART_RECORD}:
                yield PartProblem(name, "the file does not belong to the part", *self._whole())

    # --- which events ------------------------------------------------------------------------

    def _whole(self) -> tuple[int | None, int | None]:
        return self._record["first_seq"], self._record["last_seq"]

    def _range_of(self, tables: list[str]) -> tuple[int | None, int | None]:
        """Return the range of the signals in these tables; of other events if there are none."""
        told = self._record["tables"]
        chosen = ["signals"] if "signals" in tables else tables
        firsts = [told[n]["first_seq"] for n in chosen if told[n]["first_seq"] is not None]
        lasts = [told[n]["last_seq"] for n in chosen if told[n]["last_seq"] is not None]
        if not firsts:
            return self._whole()
        return min(firsts), max(lasts)

    def _located(
        self, entry: Mapping[str, Any], problem: str, broken: Any
    ) -> Iterator[PartProblem]:
        """Yield the signals that a broken file concerns, or its range if none can be named."""
        name, tables = entry["name"], entry["tables"]
        whole = PartProblem(name, problem, *self._range_of(tables))
        if name.startswith("chain-") or "signals" not in tables:
            yield whole
            return
        if chain_file(self._part, "signals").name in broken:
            yield whole
            return
        changed = self._changed_signals()
        if not changed:
            yield whole
            return
        numbers = sorted(changed)
        if len(numbers) > _MOST_NAMED:
            text = f"{problem}; {len(numbers)} signals are concerned"
            yield PartProblem(name, text, numbers[0], numbers[-1])
            return
        for number in numbers:
            text = f"{problem}; this signal was changed"
            yield PartProblem(name, text, number, number, changed[number])

    def _changed_signals(self) -> dict[int, str | None]:
        """Return the signals that differ from what was sealed; none if that cannot be told."""
        try:
            chain = Chain.from_bytes(chain_file(self._part, "signals").read_bytes())
            table = self._table("signals")
            numbers = chain.changed(table)
        except (CaptureError, OSError, ValueError, KeyError):
            return {}
        if "signal_id" not in table.column_names:
            return dict.fromkeys(numbers)
        rows = table.filter(pc.is_in(table.column("seq"), value_set=_as_array(numbers)))
        found = rows.select(["seq", "signal_id"]).to_pydict()
        ids = dict(zip(found["seq"], found["signal_id"], strict=True))
        return {number: ids.get(number) for number in numbers}

    def _table(self, name: str) -> pa.Table:
        if self._start is None:
            raise KeyError("the start record cannot be read")
        other = self._record["backend"]
        with open_backend(self._start, self._part, other) as backend, reading(self._part):
            return in_order(backend.scan(name))

    # --- chains ------------------------------------------------------------------------------

    def _chain_problems(self, table: str, files: set[str]) -> Iterator[PartProblem]:
        """Yield what differs between a table as it reads today and as it was sealed."""
        sidecar = chain_file(self._part, table)
        data_files = sorted(files - {sidecar.name})
        if self._start is None or not data_files:  # tables in memory are gone with their process
            return
        seqs = self._range_of([table])
        try:
            chain = Chain.from_bytes(sidecar.read_bytes())
            rows = self._table(table)
        except (CaptureError, OSError, ValueError) as exc:
            yield PartProblem(data_files[0], f"the table cannot be read ({exc})", *seqs)
            return
        today = chain_of(table, [rows], run_id=self._record["run_id"], part=self._record["part"])
        if table == "signals":
            self.signals += rows.num_rows
        if not today.head == chain.head == bytes.fromhex(self._record["chains"][table]["head"]):
            changed = chain.changed(rows)
            if changed:
                seqs = changed[0], changed[-1]
            text = "the rows are not those that were sealed"
            yield PartProblem(data_files[0], text, *seqs)


def _as_array(numbers: list[int]) -> pa.Array:
    import pyarrow as pa

    return pa.array(numbers, pa.int64())
