"""Whether everything in a store is what was written: every hash, every chain, every signature."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from capture.errors import CorruptRecording, RunNotFound, StoreError
from capture.store.base import BARS_FILE, BASE_RECORD, fingerprint, read_bars
from capture.store.catalogue import run_names
from capture.store.certificates import certificate_problem
from capture.store.findings import Finding, Verification
from capture.store.layout import (
    CERTIFICATES,
    LOCK,
    MANIFEST,
    PART_RECORD,
    RUN_RECORD,
    StoreLayout,
    part_name,
)
from capture.store.records import HASH, is_temporary, read_record
from capture.store.run import part_folders
from capture.store.seal import hash_file
from capture.store.signing import signature_problem
from capture.store.store import Store, state_of
from capture.store.verify_part import PartCheck

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Finding", "Verification", "verify"]


def verify(
    store: Store | str | Path, run_id: str | None = None, *, key: str | Path | None = None
) -> Verification:
    """Check a store, or one run of it, byte by byte.

    Args:
        store: the store, or where it is.
        run_id: the run to check; all of them by default.
        key: key file that the manifests must be signed with.

    Raises:
        StoreError: the check could not be made.
    """
    if not isinstance(store, Store):
        try:
            store = Store(store, recover=False)
        except CorruptRecording as exc:
            file = Path(exc.place).name
            return Verification(
                findings=(Finding(run_id=None, part=None, file=file, problem=exc.problem),)
            )
    secret = None if key is None else Path(key)
    if store.remote:
        # What is checked are the bytes that are there now, not the copy that was made of them.
        with TemporaryDirectory(prefix="capture-verify-") as folder:
            return _Check(store.snapshot(Path(folder), run_id), secret).run(run_id)
    return _Check(store, secret).run(run_id)


class _Check:
    """One verification while it goes on."""

    def __init__(self, store: Store, key: Path | None) -> None:
        self._store: Final = store
        self._layout: Final[StoreLayout] = store.layout
        self._key = key
        self._findings: list[Finding] = []
        self._unsealed: dict[str, str] = {}
        self._runs = self._files = self._signals = 0
        self._base: dict[str, list[tuple[str, str]]] = {}

    def run(self, run_id: str | None) -> Verification:
        """Check one run, or everything."""
        self._check_marker()
        if run_id is None:
            names = list(self._store)
            for name in run_names(self._layout.runs):
                if name not in names:
                    self._find(name, None, self._layout.runs / name, "there is no start record")
        else:
            names = [self._named(run_id)]
        for name in names:
            self._check_run(name, self._store.fetch(name))
        if run_id is None:
            self._check_unused_base()
        return Verification(
            findings=tuple(self._findings),
            unsealed=self._unsealed,
            runs=self._runs,
            files=self._files,
            signals=self._signals,
        )

    def _named(self, run_id: str) -> str:
        try:
            return self._store[run_id].run_id
        except RunNotFound:
            if (self._layout.run(run_id)).is_dir():  # its start record is gone
                return run_id
            raise

    def _find(
        self,
        run_id: str | None,
        part: int | None,
        path: Path,
        problem: str,
        seqs: tuple[int | None, int | None] = (None, None),
        signal_id: str | None = None,
    ) -> None:
        try:
            file = path.relative_to(self._layout.root).as_posix()
        except ValueError:
            file = str(path)
        self._findings.append(
            Finding(
                run_id=run_id,
                part=part,
                file=file,
                problem=problem,
                first_seq=seqs[0],
                last_seq=seqs[1],
                signal_id=signal_id,
            )
        )

    def _check_marker(self) -> None:
        try:
            read_record(self._layout.marker)
        except StoreError as exc:
            self._find(None, None, self._layout.marker, exc.problem)
        self._files += 1

    def _record(
        self,
        path: Path,
        run_id: str,
        part: int | None,
        seqs: tuple[int | None, int | None],
        expected: str | None,
    ) -> dict[str, Any] | None:
        """Return a record if it is what was written; else note what is wrong with it."""
        self._files += 1
        try:
            record = read_record(path)
        except StoreError as exc:
            self._find(run_id, part, path, exc.problem, seqs)
            return None
        if expected is not None and record[HASH] != expected:
            self._find(
                run_id, part, path, "the record is not the one that the run ended with", seqs
            )
        return record

    # --- runs --------------------------------------------------------------------------------

    def _check_run(self, name: str, folder: Path) -> None:
        path = folder / MANIFEST
        if not path.exists():
            self._unsealed[name] = state_of(folder)
            start = self._record(folder / RUN_RECORD, name, None, (None, None), None)
            for number, part in part_folders(folder).items():
                if (part / PART_RECORD).exists() and start is not None:
                    self._check_part(name, number, part, start, None)
            return
        self._runs += 1
        whole = _range_of_parts(folder)
        manifest = self._record(path, name, None, whole, None)
        if manifest is not None:
            whole = _range(manifest["parts"])
            if manifest["run_id"] != name:
                self._find(name, None, path, "the manifest is another run's", whole)
            self._check_signature(name, path, manifest, whole)
        expected = None if manifest is None else manifest["run_sha256"]
        start = self._record(folder / RUN_RECORD, name, None, whole, expected)
        self._check_parts(name, folder, manifest, start)
        self._check_certificates(name, folder / CERTIFICATES, manifest)
        for extra in _extra(folder, {MANIFEST, RUN_RECORD}, folders={"parts", CERTIFICATES}):
            self._find(name, None, extra, "the file does not belong to the run")

    def _check_certificates(
        self, name: str, folder: Path, manifest: Mapping[str, Any] | None
    ) -> None:
        """Check what comparisons of this run found: its bytes, and that it is of these runs."""
        files = sorted(folder.glob("[!.]*.json"))
        for path in files:
            record = self._record(path, name, None, (None, None), None)
            if record is not None:
                runs = {} if manifest is None else {name: str(manifest[HASH])}
                runs.update(self._manifest_hash(record.get("original")))
                problem = certificate_problem(record, name, runs)
                if problem:
                    self._find(name, None, path, problem)
        for extra in _extra(folder, {path.name for path in files}, folders=frozenset()):
            self._find(name, None, extra, "the file does not belong to the run")

    def _manifest_hash(self, run_id: Any) -> dict[str, str]:
        """Return the hash of a run's manifest by its name, if the run is here and readable."""
        try:
            return {run_id: str(read_record(self._layout.run(str(run_id)) / MANIFEST)[HASH])}
        except StoreError:
            return {}

    def _check_signature(
        self,
        name: str,
        path: Path,
        manifest: Mapping[str, Any],
        whole: tuple[int | None, int | None],
    ) -> None:
        if self._key is not None:
            problem = signature_problem(manifest, self._key)
            if problem is not None:
                self._find(name, None, path, problem, whole)

    def _check_parts(
        self,
        name: str,
        folder: Path,
        manifest: dict[str, Any] | None,
        start: dict[str, Any] | None,
    ) -> None:
        found = part_folders(folder)
        told = {} if manifest is None else {said["part"]: said for said in manifest["parts"]}
        for number, said in told.items():
            if number not in found:
                place = folder / "parts" / part_name(number)
                seqs = (said["first_seq"], said["last_seq"])
                self._find(name, number, place, "the part is missing", seqs)
        for number, path in found.items():
            if manifest is not None and number not in told:
                if all(_is_left_lock(entry) for entry in path.iterdir()):
                    continue  # claimed and never written to, by a writer that was killed
                self._find(name, number, path, "the part does not belong to the run")
            else:
                self._check_part(name, number, path, start, told.get(number))
        numbered = {path.name for path in found.values()}
        for extra in _extra(folder / "parts", set(), folders=numbered):
            self._find(name, None, extra, "the file does not belong to the run")

    def _check_part(
        self,
        name: str,
        number: int,
        path: Path,
        start: Mapping[str, Any] | None,
        said: Mapping[str, Any] | None,
    ) -> None:
        seqs = (None, None) if said is None else (said["first_seq"], said["last_seq"])
        expected = None if said is None else said["sha256"]
        record = self._record(path / PART_RECORD, name, number, seqs, expected)
        if record is None:
            return
        if (record["run_id"], record["part"]) != (name, number):
            self._find(name, number, path / PART_RECORD, "the record is another part's", seqs)
        check = PartCheck(path, record, start)
        for found in check.problems():
            self._find(
                name,
                number,
                path / found.file,
                found.text,
                (found.first_seq, found.last_seq),
                found.signal_id,
            )
        self._files += check.files
        self._signals += check.signals
        for ref in record["base"]:
            for file, problem in self._base_problems(ref["fingerprint"]):
                place = self._layout.base_data(ref["fingerprint"]) / file
                self._find(name, number, place, problem, _range([record]))

    # --- base data ---------------------------------------------------------------------------

    def _check_unused_base(self) -> None:
        """Check base data that no run was found to use."""
        used = {self._layout.base_data(mark).name for mark in self._base}
        for name in run_names(self._layout.base):
            if name not in used:
                folder = self._layout.base / name
                for file, problem in self._problems_of_base(folder, None):
                    self._find(None, None, folder / file, problem)

    def _base_problems(self, mark: str) -> list[tuple[str, str]]:
        if mark not in self._base:
            self._base[mark] = self._problems_of_base(self._layout.base_data(mark), mark)
        return self._base[mark]

    def _problems_of_base(self, folder: Path, mark: str | None) -> list[tuple[str, str]]:
        """Return what is wrong with base data: the file and the problem."""
        self._files += 2
        try:
            record = read_record(folder / BASE_RECORD)
        except StoreError as exc:
            return [(BASE_RECORD, exc.problem)]
        bars = folder / BARS_FILE
        problems = [
            (extra.name, "the file does not belong to the base data")
            for extra in _extra(folder, {BARS_FILE, BASE_RECORD})
        ]
        if not bars.is_file():
            return [*problems, (BARS_FILE, "the file is missing")]
        if hash_file(bars) != record["file_sha256"]:
            return [*problems, (BARS_FILE, "the file is not what was written")]
        expected = mark or record["fingerprint"]
        own = fingerprint(read_bars(bars), symbol=record["symbol"], timeframe=record["timeframe"])
        if not own == expected == record["fingerprint"] or not own.startswith(folder.name):
            problems.append((BARS_FILE, "these are not the base data that the run read"))
        return problems


def _range(records: list[dict[str, Any]]) -> tuple[int | None, int | None]:
    firsts = [r["first_seq"] for r in records if r["first_seq"] is not None]
    lasts = [r["last_seq"] for r in records if r["last_seq"] is not None]
    return min(firsts, default=None), max(lasts, default=None)


def _range_of_parts(folder: Path) -> tuple[int | None, int | None]:
    """Return the range of a run whose manifest cannot be trusted, from its parts' records."""
    records = []
    for path in part_folders(folder).values():
        try:
            records.append(read_record(path / PART_RECORD))
        except StoreError:
            continue
    return _range(records)


def _is_left_lock(path: Path) -> bool:
    """Say whether this is the lock of a writer that was killed when all was written."""
    return path.name == LOCK and path.is_file() and path.stat().st_size == 0


def _extra(
    folder: Path, known: set[str], *, folders: set[str] | frozenset[str] = frozenset({"parts"})
) -> Iterator[Path]:
    """Yield what does not belong into a folder; what a desktop or a killed writer left may stay."""
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or is_temporary(path) or _is_left_lock(path):
            continue
        if path.name not in (folders if path.is_dir() else known):
            yield path
