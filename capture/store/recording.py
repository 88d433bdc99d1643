"""A recording: what a run left in its store, ready to be read."""

from __future__ import annotations

import json
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from capture.errors import ConfigError, UnknownName
from capture.expressions import Expression
from capture.filters import Predicate
from capture.schema import TABLES
from capture.store.bars_frame import bars_table
from capture.store.certificates import ParityCertificate, read_certificates
from capture.store.frames import to_frame, to_polars
from capture.store.layout import MANIFEST, RUN_RECORD
from capture.store.part_reader import PartReader, declared_empty, select
from capture.store.records import read_record
from capture.store.run import part_folders
from capture.store.signals_table import signals_table
from capture.store.uniting import united

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    import pandas as pd
    import polars as pl

    from capture.store.store import Store

    Conditions = str | Iterable[Predicate | tuple[str, str, Any] | str]

__all__ = ["Recording", "a_recording"]


def a_recording(value: object, said: str = "recording") -> Recording:
    """Return what is given for a recording, if it is one.

    Raises:
        ConfigError: it is something else; names the word under which it was given.
    """
    if isinstance(value, Recording):
        return value
    raise ConfigError(said, value, 'give a recording, such as capture.open("signals").latest()')


class Recording:
    """One run, read from its store.

    Each method that returns a frame takes `columns`, the names of the columns to return, and
    `where`, conditions that must all hold: a text such as `"direction > 0 and regime == 'bull'"`,
    or a list of texts, `Predicate` and tuples such as `("symbol", "=", "GOOG")`. A recording that
    is still being written can be read; each table shows what had been recorded when it was first
    asked for.

    Example:
        ```python
        recording = capture.open("signals").latest()
        recording.signals(where=[("disposition", "=", "rejected")])
        ```
    """

    def __init__(self, store: Store, run_id: str) -> None:
        """Read this run; nothing is opened before it is asked for."""
        self.store: Final = store
        self.run_id: Final = run_id

    def __repr__(self) -> str:
        return f"Recording({self.run_id!r}, {self.state})"

    @cached_property
    def path(self) -> Path:
        """The run's folder."""
        return self.store.fetch(self.run_id)

    @cached_property
    def start(self) -> dict[str, Any]:
        """The start record: everything known before the first event."""
        return read_record(self.path / RUN_RECORD)

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """The manifest; of a run that has not ended, the start record with a state."""
        if (self.path / MANIFEST).exists():
            return read_record(self.path / MANIFEST)
        from capture.store.store import state_of

        return {**self.start, "state": state_of(self.path)}

    @property
    def kind(self) -> str:
        """What made the run: "capture", "replay" ..."""
        return str(self.manifest["kind"])

    @property
    def state(self) -> str:
        """A `RunState`, or "crashed" for a run that could not be recovered yet."""
        return str(self.manifest["state"])

    @cached_property
    def parts(self) -> tuple[PartReader, ...]:
        """The parts, in order."""
        return tuple(
            PartReader(number, path, self.start) for number, path in part_folders(self.path).items()
        )

    @property
    def certificates(self) -> tuple[ParityCertificate, ...]:
        """What `capture.parity` found of this replay and kept, one per original and strategy."""
        return read_certificates(self.path)

    # --- tables ------------------------------------------------------------------------------

    def table(
        self, name: str, columns: Sequence[str] | None = None, where: Conditions = ()
    ) -> pa.Table:
        """Return a table as it was stored, united over the parts, ordered by part and sequence."""
        if name not in TABLES:
            raise UnknownName("table", name, TABLES)
        conditions, texts = conditions_of(where)
        conditions += [one for text in texts for one in text.predicates(TABLES[name].arrow())]
        of_part = [c for c in conditions if c.column == "part"]
        stored = [c for c in conditions if c.column != "part"]
        read = None if columns is None else [*columns, *(n for text in texts for n in text.names)]
        pieces = [part.scan(name, read, stored) for part in self.parts if part.is_one_of(of_part)]
        pieces = [piece for piece in pieces if piece.num_columns]
        whole = _united(name, pieces, read)
        return select(whole, columns, (), texts) if texts else whole

    def signals(self, columns: Sequence[str] | None = None, where: Conditions = ()) -> pd.DataFrame:
        """Return one row per signal, with its market data, parameters, notes and fate."""
        return to_frame(signals_table(self, columns, *conditions_of(where)))

    def orders(self, columns: Sequence[str] | None = None, where: Conditions = ()) -> pd.DataFrame:
        """Return one row per order intent."""
        return to_frame(self.table("orders", columns, where))

    def fills(self, columns: Sequence[str] | None = None, where: Conditions = ()) -> pd.DataFrame:
        """Return one row per fill."""
        return to_frame(self.table("fills", columns, where))

    def statuses(
        self, columns: Sequence[str] | None = None, where: Conditions = ()
    ) -> pd.DataFrame:
        """Return one row per change of a signal's status."""
        return to_frame(self.table("statuses", columns, where))

    def regimes(self, columns: Sequence[str] | None = None, where: Conditions = ()) -> pd.DataFrame:
        """Return one row per change of regime."""
        return to_frame(self.table("regimes", columns, where))

    def equity(self, columns: Sequence[str] | None = None, where: Conditions = ()) -> pd.DataFrame:
        """Return what the account was worth, bar by bar."""
        return to_frame(self.table("equity", columns, where))

    def trades(self, columns: Sequence[str] | None = None, where: Conditions = ()) -> pd.DataFrame:
        """Return one row per trade, as the host accounts for it."""
        return to_frame(self.table("trades", columns, where))

    def quarantine(
        self, columns: Sequence[str] | None = None, where: Conditions = ()
    ) -> pd.DataFrame:
        """Return the events that could not be recorded as they were, with the reason."""
        return to_frame(self.table("quarantine", columns, where))

    def notes(self, columns: Sequence[str] | None = None, where: Conditions = ()) -> pd.DataFrame:
        """Return the values that the user noted."""
        frame = to_frame(self.table("notes", columns, where))
        if "value" in frame.columns:
            frame["value"] = [None if text is None else json.loads(text) for text in frame["value"]]
        return frame

    def bars(self, columns: Sequence[str] | None = None, where: Conditions = ()) -> pd.DataFrame:
        """Return the bars that the run read: its base data, and bars recorded one by one."""
        return to_frame(select(bars_table(self), columns, *conditions_of(where)))

    def to_polars(
        self, name: str = "signals", columns: Sequence[str] | None = None, where: Conditions = ()
    ) -> pl.DataFrame:
        """Return a table as a frame of Polars: signals and bars joined, as their methods join them.

        Raises:
            MissingExtra: Polars is not installed; the extra `polars` brings it.
        """
        if name == "signals":
            return to_polars(signals_table(self, columns, *conditions_of(where)))
        if name == "bars":
            return to_polars(select(bars_table(self), columns, *conditions_of(where)))
        return to_polars(self.table(name, columns, where))


def conditions_of(where: Conditions) -> tuple[list[Predicate], list[Expression]]:
    """Return conditions as predicates, and those that were given as text."""
    said = [where] if isinstance(where, str) else list(where)
    predicates = [
        condition if isinstance(condition, Predicate) else Predicate(*condition)  # type: ignore[arg-type]
        for condition in said
        if not isinstance(condition, str)
    ]
    return predicates, [Expression(text) for text in said if isinstance(text, str)]


def _united(name: str, pieces: list[pa.Table], columns: Sequence[str] | None) -> pa.Table:
    declared = declared_empty(name)
    if columns is not None:
        declared = declared.select([n for n in columns if n in declared.column_names])
    whole = united([declared, *pieces])
    if columns is None:
        return whole
    return whole.select([n for n in dict.fromkeys(columns) if n in whole.column_names])
