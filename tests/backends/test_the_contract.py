"""A contract is worth what it finds: backends with one mistake each do not pass."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from capture.errors import CaptureError
from capture.testing import BackendContract
from capture_parquet.backend import ParquetStorageBackend

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from capture.contracts.conditions import Condition


class LosesNan(ParquetStorageBackend):
    def read_file(self, *words: Any) -> pa.Table:
        rows = super().read_file(*words)
        for place, field in enumerate(rows.schema):
            if pa.types.is_floating(field.type):
                column = rows.column(place)
                rows = rows.set_column(
                    place, field, pc.if_else(pc.is_nan(column), pa.scalar(None, field.type), column)
                )
        return rows


class ForgetsConditions(ParquetStorageBackend):
    def read_file(
        self, path: Path, columns: Sequence[str], conditions: Sequence[Condition]
    ) -> pa.Table:
        return super().read_file(path, columns, conditions[:1])


class WritesInPlace(ParquetStorageBackend):
    def _publish(
        self, path: Path, schema: pa.Schema, blocks: Iterable[pa.Table], *, sealed: bool
    ) -> None:
        with path.open("wb"):
            self.write_file(path, schema, blocks, sealed=sealed)


class RemovesChunksFirst(ParquetStorageBackend):
    def _publish(
        self, path: Path, schema: pa.Schema, blocks: Iterable[pa.Table], *, sealed: bool
    ) -> None:
        if sealed:
            blocks = list(blocks)
            table = path.name.partition(".")[0]
            for chunk in sorted((self.folder / "chunks").glob(f"{table}-*"), reverse=True):
                chunk.unlink()
        super()._publish(path, schema, blocks, sealed=sealed)


class KeepsItsChunks(ParquetStorageBackend):
    def _files(self) -> dict[str, tuple[Path, ...]]:
        sealed = {path.stem: (path,) for path in self.folder.glob("*.parquet")}
        chunks = super()._files()
        return {t: tuple({*chunks.get(t, ()), *sealed.get(t, ())}) for t in {*chunks, *sealed}}


class SealsTheLastBlockOnly(ParquetStorageBackend):
    def write_file(
        self, path: Path, schema: pa.Schema, blocks: Iterable[pa.Table], *, sealed: bool
    ) -> None:
        super().write_file(path, schema, list(blocks)[-1:], sealed=sealed)


@pytest.mark.parametrize(
    ("broken", "test"),
    [
        (LosesNan, "test_every_type_comes_back_unchanged"),
        (ForgetsConditions, "test_many_rows_come_back_in_order"),
        (SealsTheLastBlockOnly, "test_many_rows_come_back_in_order"),
    ],
)
def test_a_wrong_answer_is_found(
    broken: type[ParquetStorageBackend], test: str, tmp_path: Path
) -> None:
    with pytest.raises(AssertionError):
        getattr(_contract(broken), test)(broken(tmp_path))


@pytest.mark.parametrize(
    ("broken", "test"),
    [
        (WritesInPlace, "test_a_batch_is_there_whole_or_not_at_all"),
        (RemovesChunksFirst, "test_a_seal_that_was_cut_short_neither_loses_nor_doubles"),
        (KeepsItsChunks, "test_a_seal_that_was_cut_short_neither_loses_nor_doubles"),
    ],
)
def test_a_backend_that_is_not_safe_to_kill_is_found(
    broken: type[ParquetStorageBackend], test: str, tmp_path: Path
) -> None:
    with pytest.raises((AssertionError, CaptureError)):
        getattr(_contract(broken), test)(tmp_path)


def _contract(broken: type[ParquetStorageBackend]) -> BackendContract:
    class Contract(BackendContract):
        backend = broken

    return Contract()
