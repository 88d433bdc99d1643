"""The store: a folder of runs, with the base data that they share."""

from __future__ import annotations

from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any, Final

from capture.contracts.perturbing import rehearsal
from capture.errors import ConfigError, CorruptRecording, RunNotFound, StoreError, did_you_mean
from capture.store.base import BaseShelf
from capture.store.catalogue import Catalogue, run_names
from capture.store.certificates import keep_certificate
from capture.store.layout import (
    FORMAT_VERSION,
    LOCK,
    MANIFEST,
    RUN_RECORD,
    StoreLayout,
)
from capture.store.locks import is_held
from capture.store.recording import Recording
from capture.store.records import (
    cannot_write,
    now_text,
    read_record,
    write_atomically,
    write_record,
)
from capture.store.run import begin_run, join_run, part_folders, resume_run
from capture.store.summary import runs_frame, summary_of, unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd
    import pyarrow as pa

    from capture.store.base import BaseData, BaseRef
    from capture.store.certificates import ParityCertificate
    from capture.store.run import RunFolder, RunStart

__all__ = ["Store", "open_store"]


class Store:
    """Runs, and the base data that they share, in one folder.

    Example:
        ```python
        store = capture.open("signals")
        store.runs()
        store.latest().signals()
        ```

    Attributes:
        root: the folder; of a remote store, the local copy.
        url: where the store is.
    """

    def __init__(self, root: str | Path, *, create: bool = False, recover: bool = True) -> None:
        """Open a store.

        Args:
            root: a folder, or a URL that fsspec knows.
            create: make the store if there is none.
            recover: bring runs whose process died to an end.

        Raises:
            StoreError: there is no store, or it cannot be used.
        """
        rehearsed = rehearsal()
        if rehearsed is not None:
            root = rehearsed.place(str(root), create=create)
        self.url: Final = str(root)
        self._remote = _remote_of(self.url)
        self.root: Final = self._remote.mirror if self._remote else _local_folder(root)
        self._layout: Final = StoreLayout(self.root)
        self._lock = RLock()
        self._sync = False  # whether what is written must survive a power cut
        if self._remote is not None:
            self._remote.prepare(create=create)
        if not _is_there(self._layout.marker):
            if not create:
                raise _no_store(self.url, self._layout)
            _make_store(self._layout)
            if self._remote is not None:
                self._remote.push_marker()
        _check_format(self._layout.marker)
        self._shelf: Final = BaseShelf(self._layout)
        self._catalogue: Final = Catalogue(self._layout)
        if recover:
            self.recover()

    def __repr__(self) -> str:
        return f"Store({self.url!r}, {len(self)} runs)"

    @property
    def layout(self) -> StoreLayout:
        """Where everything lies."""
        return self._layout

    @property
    def remote(self) -> bool:
        """Whether the store is elsewhere, and `root` is a local copy."""
        return self._remote is not None

    # --- reading -----------------------------------------------------------------------------

    def runs(self) -> pd.DataFrame:
        """Return one row per run, oldest first."""
        return runs_frame(self.summaries())

    def summaries(self) -> list[dict[str, Any]]:
        """Return what `runs` shows as plain values, oldest first."""
        with self._lock:
            if self._remote is not None:
                self._remote.pull_manifests()
            ended = self._catalogue.ended()
        rows = []
        for name in run_names(self._layout.runs):
            if name in ended:
                rows.append(ended[name])
            elif (self._layout.runs / name / RUN_RECORD).exists():
                rows.append(self._unended(name))
        return sorted(rows, key=lambda row: (row["started"] or "", row["run_id"]))

    def _unended(self, name: str) -> dict[str, Any]:
        folder = self._layout.runs / name
        try:
            if (folder / MANIFEST).exists():  # it has ended since the catalogue was read
                return summary_of(read_record(folder / MANIFEST))
            return summary_of(read_record(folder / RUN_RECORD), state_of(folder))
        except (StoreError, KeyError) as exc:
            return unreadable(name, exc)

    def latest(self, kind: str = "capture") -> Recording:
        """Return the run of a kind that ended last; if none has, the one that began last."""
        mine = [row for row in self.summaries() if row["kind"] == kind]
        if not mine:
            raise RunNotFound(
                self.url, f"no run of kind {kind!r} was recorded here", "record one first"
            )
        found = max(mine, key=lambda row: (row["ended"] or "", row["started"], row["run_id"]))
        return Recording(self, found["run_id"])

    def __getitem__(self, run_id: str) -> Recording:
        """Return a run; the beginning of its identity is enough if it fits one run only."""
        names = list(self)
        if run_id in names:
            return Recording(self, run_id)
        fitting = [name for name in names if run_id and name.startswith(run_id)]
        if len(fitting) == 1:
            return Recording(self, fitting[0])
        if fitting:
            raise RunNotFound(
                self.url, f"{len(fitting)} runs begin with {run_id!r}", "type more of it"
            )
        raise RunNotFound(
            self.url,
            f"there is no run {run_id!r}",
            f"`capture ls` lists the runs.{did_you_mean(str(run_id), names)}".removesuffix("."),
        )

    def __iter__(self) -> Iterator[str]:
        """Return the identities of the runs, oldest first."""
        return iter([row["run_id"] for row in self.summaries()])

    def __len__(self) -> int:
        return len(self.summaries())

    def __contains__(self, run_id: object) -> bool:
        return run_id in set(self)

    def base_data(self, fingerprint: str) -> BaseData:
        """Return the base data with this fingerprint."""
        if self._remote is not None:
            self._remote.pull_base(fingerprint)
        return self._shelf.get(fingerprint)

    def fetch(self, run_id: str) -> Path:
        """Return the folder of a run, with its files in it wherever the store is."""
        if self._remote is not None:
            self._remote.pull_run(run_id)
        return self._layout.run(run_id)

    # --- writing -----------------------------------------------------------------------------

    def begin_run(self, start: RunStart) -> RunFolder:
        """Begin a run: its folder is there with its start record when this returns."""
        self._sync = self._sync or start.config.get("durability") == "fsync"
        return begin_run(self, self._layout.runs, start, sync=self._sync)

    def join_run(self, run_id: str) -> RunFolder:
        """Return the folder of a run that another process began, to write a part of it."""
        return join_run(self, self._layout.run(run_id))

    def resume_run(self, run_id: str, *, backend: str) -> RunFolder:
        """Return the folder of a run that has ended and goes on, to append parts to it.

        What was sealed stays as it is. Until the run ends again it counts as running.

        Args:
            run_id: identity of the run, or "latest".
            backend: name of the backend that will write; a run is kept in one.
        """
        found = self.latest() if run_id == "latest" else self[run_id]
        if found.start["backend"] != backend:
            raise ConfigError(
                "backend",
                backend,
                f"{found.run_id} is kept in {found.start['backend']!r}: use that",
            )
        self.fetch(found.run_id)
        return resume_run(self, self._layout.run(found.run_id))

    def add_base_data(
        self, bars: pa.Table | pd.DataFrame, *, symbol: str, timeframe: str
    ) -> BaseRef:
        """Keep the bars that a run reads; equal bars are kept once, whoever adds them."""
        return self._shelf.add(bars, symbol=symbol, timeframe=timeframe, sync=self._sync)

    def keep_certificate(self, certificate: ParityCertificate, original: Path) -> ParityCertificate:
        """Keep a certificate beside the replay, which is in this store; return it as kept.

        Args:
            certificate: what was found.
            original: folder of the recorded run, in whichever store it is.
        """
        folder = self.fetch(certificate.replayed)
        path, kept = keep_certificate(certificate, folder, original)
        if self._remote is not None:
            self._remote.push_file(certificate.replayed, path)
        return kept

    def run_ended(self, run: RunFolder, manifest: dict[str, Any]) -> None:
        """Take note of a run that has just ended."""
        self.point_to_latest(manifest)
        if self._remote is not None:
            self._remote.push_run(run.run_id, manifest)

    def point_to_latest(self, manifest: dict[str, Any]) -> None:
        """Let `latest` name this run."""
        path = self._layout.latest(manifest["kind"])
        write_atomically(path, f"{manifest['run_id']}\n".encode())

    # --- upkeep ------------------------------------------------------------------------------

    def reindex(self) -> int:
        """Make the catalogue again from the manifests; return how many runs have ended."""
        with self._lock:
            return self._catalogue.rebuild()

    def recover(self) -> list[str]:
        """Bring runs whose process died to an end; return their identities."""
        from capture.store.recover import recover_store

        recovered = recover_store(self)
        if self._remote is not None:
            self._remote.push_pending()
        return recovered

    def snapshot(self, folder: Path, run_id: str | None = None) -> Store:
        """Copy a remote store, or one run of it, as it is there now, into an empty folder."""
        if self._remote is None:
            raise StoreError(self.root, "only a remote store needs a snapshot")
        self._remote.snapshot(folder, run_id)
        return Store(folder, recover=False)


def open_store(path: str | Path) -> Store:
    """Open a store to read it; runs whose process died are recovered."""
    return Store(path)


def state_of(run: Path) -> str:
    """Return "running" or "crashed" for a run without a manifest, else what that says."""
    if (run / MANIFEST).exists():
        return str(read_record(run / MANIFEST)["state"])
    locks = [run / LOCK, *(part / LOCK for part in part_folders(run).values())]
    return "running" if any(is_held(lock) for lock in locks) else "crashed"


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError as exc:  # a name that no file can have
        raise StoreError(path.parent, f"{exc.strerror}", "choose another folder") from exc


def _local_folder(root: str | Path) -> Path:
    return Path(str(root).removeprefix("file://")).expanduser().absolute()


def _remote_of(url: str) -> Any:
    if "://" not in url or url.startswith("file://"):
        return None
    from capture.store.remote import RemoteStore

    return RemoteStore(url)


def _no_store(url: str, layout: StoreLayout) -> StoreError:
    if layout.runs.is_dir():
        return CorruptRecording(
            layout.marker,
            "the store's marker is missing",
            "restore the file, or record into the store once, which writes it again",
        )
    there = "is not a store" if layout.root.exists() else "does not exist"
    return StoreError(
        url,
        f"this folder {there}",
        f'record into it first: capture.wrap(strategy, store="{url}")',
    )


def _make_store(layout: StoreLayout) -> None:
    try:
        layout.runs.mkdir(parents=True, exist_ok=True)
        layout.base.mkdir(exist_ok=True)
    except OSError as exc:
        if layout.root.is_file():
            raise StoreError(layout.root, "this is a file", "choose a folder for it") from exc
        raise cannot_write(layout.marker, exc) from exc
    write_record(layout.marker, {"format": FORMAT_VERSION, "created": now_text()})


def _check_format(marker: Path) -> None:
    found = read_record(marker).get("format")
    if not isinstance(found, int) or found > FORMAT_VERSION:
        raise StoreError(
            marker,
            f"the store has format {found}, and this version reads up to {FORMAT_VERSION}",
            "upgrade: pip install --upgrade signal-capture",
        )
