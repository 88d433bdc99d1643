"""The part of the backend contract that also holds for one that does not outlive its process."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from capture.errors import CaptureError, ConfigError, InvalidEvent, StoreError
from capture.filters import Predicate
from capture.host import get_host
from capture.testing.reference import assert_same, expected_rows, united
from capture.testing.samples import batch, every_type
from capture.testing.strategies import batches, predicates

if TYPE_CHECKING:
    from collections.abc import Sequence

    from capture.contracts.backend import StorageBackend

__all__ = ["VolatileBackendContract"]

# Every subclass runs the same test functions, which hypothesis would otherwise take for a mistake.
_shared: Final = settings(
    suppress_health_check=[HealthCheck.differing_executors, HealthCheck.too_slow],
    deadline=None,
)


class VolatileBackendContract:
    """What every storage backend must do, even one that keeps its tables in memory.

    Attributes:
        backend: the name it is registered under, or the class itself.
        settings: keyword arguments that each backend is made with.
    """

    backend: ClassVar[str | type[StorageBackend]]
    settings: ClassVar[dict[str, Any]] = {}

    # --- how a backend is made ---

    def backend_class(self) -> Any:
        """Return the class under test."""
        named = self.backend
        return get_host().backend(named) if isinstance(named, str) else named

    def make(self, folder: Path, **settings: Any) -> StorageBackend:
        """Return a backend on a folder."""
        made: StorageBackend = self.backend_class()(folder, **{**self.settings, **settings})
        return made

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        """Folder of a part that only this test uses."""
        return tmp_path

    @pytest.fixture
    def store(self, folder: Path) -> Any:
        """A backend on that folder."""
        with closing(self.make(folder)) as made:
            yield made

    # --- what goes in comes out ---

    def test_every_type_comes_back_unchanged(self, store: StorageBackend) -> None:
        """Null, NaN, infinities, -0.0, NUL characters, the first and the last nanosecond."""
        store.append("signals", every_type())
        assert_same(store.scan("signals"), united([every_type()]))
        store.seal()
        assert_same(store.scan("signals"), united([every_type()]))

    @_shared
    @given(batches())
    def test_any_table_comes_back_unchanged(self, parts: list[pa.RecordBatch]) -> None:
        """Whatever the schema allows is there while the part is open, and after it was sealed."""
        with TemporaryDirectory() as name, closing(self.make(Path(name))) as store:
            for part in parts:
                store.append("signals", part)
            assert_same(store.scan("signals"), united(parts))
            store.seal()
            assert_same(store.scan("signals"), united(parts))

    def test_rows_come_back_in_the_order_of_their_batches(self, store: StorageBackend) -> None:
        """Also after sealing, however many batches there are."""
        for number in range(12):
            store.append("signals", batch(seq=[number * 2, number * 2 + 1]))
        assert store.scan("signals")["seq"].to_pylist() == list(range(24))
        store.seal()
        assert store.scan("signals")["seq"].to_pylist() == list(range(24))

    def test_an_empty_batch_declares_its_columns(self, store: StorageBackend) -> None:
        """A table without rows is a table."""
        store.append("fills", every_type().slice(0, 0))
        assert store.tables() == ("fills",)
        assert_same(store.scan("fills"), united([every_type().slice(0, 0)]))
        store.seal()
        assert store.tables() == ("fills",)
        assert_same(store.scan("fills"), united([every_type().slice(0, 0)]))

    def test_many_rows_come_back_in_order(self, store: StorageBackend) -> None:
        """More rows than any block holds, some without nulls and some with nulls alone."""
        rows = 40_000
        text = [f"s{n % 7}" if n % 5 else None for n in range(rows // 2)]
        text += [f"s{n % 7}" for n in range(rows // 2, rows)]
        price = [None if 5_000 < n < 35_000 else n / 7 for n in range(rows)]
        columns = {"seq": np.arange(rows), "symbol": text, "price": price}
        whole = pa.record_batch({name: pa.array(values) for name, values in columns.items()})
        for start in range(0, rows, 15_000):
            store.append("signals", whole.slice(start, 15_000))
        where = [Predicate("symbol", "=", "s3"), Predicate("seq", ">=", 20_000)]
        wanted = expected_rows(united([whole]), ["price", "seq"], where)
        assert_same(store.scan("signals", ["price", "seq"], where), wanted)
        store.seal()
        assert_same(store.scan("signals"), united([whole]))
        assert_same(store.scan("signals", ["price", "seq"], where), wanted)

    def test_the_caller_may_use_its_memory_again(self, store: StorageBackend) -> None:
        """What was appended does not change with the buffer that it came from."""
        buffer = np.arange(3.0)
        store.append("signals", pa.record_batch({"strength": pa.array(buffer)}))
        buffer[:] = 9.0
        assert store.scan("signals")["strength"].to_pylist() == [0.0, 1.0, 2.0]

    def test_a_slice_of_a_batch_is_stored_alone(self, store: StorageBackend) -> None:
        """A batch may be a window on larger arrays."""
        window = every_type().slice(3, 4)
        store.append("signals", window)
        assert_same(store.scan("signals"), united([window]))

    def test_tables_are_listed_by_name(self, store: StorageBackend) -> None:
        """Each table is on its own."""
        assert store.tables() == ()
        for table in ("signals", "fills", "my_table_2"):
            store.append(table, batch(seq=[1]))
        assert store.tables() == ("fills", "my_table_2", "signals")
        store.seal()
        assert store.tables() == ("fills", "my_table_2", "signals")

    # --- growth ---

    def test_batches_may_bring_new_columns(self, store: StorageBackend) -> None:
        """A row without a column holds null there; columns stand as they first appeared."""
        parts = [
            batch(seq=[1], strength=[0.5]),
            batch(indicator_b=["x"], seq=[2]),
            batch(seq=[3], indicator_a=[True], strength=[1.5]),
        ]
        for part in parts:
            store.append("signals", part)
        columns = ["seq", "strength", "indicator_b", "indicator_a"]
        assert store.scan("signals").column_names == columns
        assert_same(store.scan("signals"), united(parts))
        assert store.scan("signals", ["indicator_a"])["indicator_a"].to_pylist() == [
            None,
            None,
            True,
        ]
        store.seal()
        assert_same(store.scan("signals"), united(parts))

    def test_whole_numbers_give_way_to_reals(self, store: StorageBackend) -> None:
        """And stay reals when whole numbers follow."""
        for part in (batch(extra_x=[1, None]), batch(extra_x=[-0.0]), batch(extra_x=[2**53])):
            store.append("signals", part)
        wanted = united([batch(extra_x=[1.0, None, -0.0, 2.0**53])])
        assert_same(store.scan("signals"), wanted)
        found = store.scan("signals", where=[Predicate("extra_x", ">", 0.5)])
        assert found["extra_x"].to_pylist() == [1.0, 2.0**53]
        store.seal()
        assert_same(store.scan("signals"), wanted)

    @pytest.mark.parametrize("large", [2**53 + 1, -(2**53) - 1, 2**63 - 1])
    def test_a_number_that_a_real_would_round_is_never_rounded(
        self, store: StorageBackend, large: int
    ) -> None:
        """The batch that would make it a real, or bring it into a column of reals, is refused."""
        store.append("signals", batch(extra_a=[large], extra_b=[0.5]))
        with pytest.raises(InvalidEvent, match="extra_a"):
            store.append("signals", batch(extra_a=[0.5]))
        with pytest.raises(InvalidEvent, match="extra_b"):
            store.append("signals", batch(extra_b=[large]))
        assert store.scan("signals").to_pylist() == [{"extra_a": large, "extra_b": 0.5}]

    @pytest.mark.parametrize("other", ["text", True, b"bytes"])
    def test_a_column_keeps_its_type(self, store: StorageBackend, other: Any) -> None:
        """Another type is refused with both types named; nothing of that batch is stored."""
        store.append("signals", batch(seq=[1], extra_x=[1]))
        bad = batch(seq=[2], extra_x=[other])
        with pytest.raises(CaptureError, match=r"extra_x.*int64") as caught:
            store.append("signals", bad)
        assert str(bad.schema.field("extra_x").type) in str(caught.value)
        store.append("signals", batch(seq=[3], extra_x=[3]))
        assert store.scan("signals").to_pylist() == [
            {"seq": 1, "extra_x": 1},
            {"seq": 3, "extra_x": 3},
        ]

    @pytest.mark.parametrize(
        "values",
        [
            pa.array([[1]]),
            pa.array([1], pa.timestamp("us")),
            pa.array([1], pa.uint64()),
            pa.array(["x"]).dictionary_encode(),
        ],
        ids=lambda values: str(values.type).split("<")[0],
    )
    def test_a_type_that_would_not_come_back_is_refused(
        self, store: StorageBackend, values: pa.Array
    ) -> None:
        """The error names the column."""
        with pytest.raises(InvalidEvent, match="extra_x"):
            store.append("signals", pa.record_batch([values], names=["extra_x"]))
        assert store.tables() == ()

    def test_two_columns_of_one_name_are_refused(self, store: StorageBackend) -> None:
        """So is a column without a name."""
        for names in (["seq", "seq"], ["seq", ""]):
            with pytest.raises(InvalidEvent):
                store.append("signals", pa.record_batch([[1], [2]], names=names))

    @pytest.mark.parametrize("name", ["../x", "a/b", "", "A", "sqlite_x", "x.y", "é", "x-1"])
    def test_a_hostile_table_name_is_refused(self, store: StorageBackend, name: str) -> None:
        """A name becomes part of a path, or of a statement."""
        with pytest.raises(InvalidEvent, match="table"):
            store.append(name, batch(seq=[1]))
        assert store.scan(name).num_columns == 0

    # --- what is asked for ---

    @_shared
    @given(st.data())
    def test_conditions_mean_what_they_mean_in_python(self, data: st.DataObject) -> None:
        """Every operator over every type, also several at once, while open and after sealing."""
        parts = data.draw(batches(max_batches=3), label="batches")
        whole = united(parts)
        where = data.draw(st.lists(predicates(whole), min_size=1, max_size=3), label="where")
        columns = data.draw(st.none() | st.permutations(whole.column_names), label="columns")
        wanted = expected_rows(whole, columns, where)
        with TemporaryDirectory() as name, closing(self.make(Path(name))) as store:
            for part in parts:
                store.append("signals", part)
            assert_same(store.scan("signals", columns, where), wanted)
            store.seal()
            assert_same(store.scan("signals", columns, where), wanted)

    @pytest.mark.parametrize("column", every_type().schema.names)
    def test_each_operator_over_each_type(self, store: StorageBackend, column: str) -> None:
        """The values that give trouble, each compared with each."""
        whole = united([every_type()])
        store.append("signals", every_type())
        cells = whole.column(column)
        if pa.types.is_timestamp(cells.type):
            cells = cells.cast(pa.int64())
        values = cells.to_pylist()
        where = [Predicate(column, "in", values)]
        for value in values:
            where += [Predicate(column, word, value) for word in ("=", "!=", "<", "<=", ">", ">=")]
            where += [Predicate(column, "in", [value])]
        for stage in ("open", "sealed"):
            for predicate in where:
                found = store.scan("signals", [column], [predicate])
                assert_same(found, expected_rows(whole, [column], [predicate]))
            if stage == "open":
                store.seal()

    def test_many_values_may_be_looked_for(self, store: StorageBackend) -> None:
        """More than a statement could have question marks for."""
        store.append("signals", batch(seq=[1, 2, 3]))
        wanted = Predicate("seq", "in", range(3, 100_000))
        assert store.scan("signals", where=[wanted])["seq"].to_pylist() == [3]

    def test_columns_come_in_the_order_that_was_asked_for(self, store: StorageBackend) -> None:
        """Each once; a condition's column need not be among them."""
        store.append("signals", batch(seq=[1, 2], symbol=["a", "b"], strength=[0.5, 1.5]))
        where = [Predicate("symbol", "=", "b")]
        found = store.scan("signals", ["strength", "seq", "strength"], where)
        assert found.column_names == ["strength", "seq"]
        assert found.to_pylist() == [{"strength": 1.5, "seq": 2}]

    def test_what_is_not_there_is_left_out(self, store: StorageBackend) -> None:
        """An unknown table has no columns, an unknown column no values that meet a condition."""
        assert store.scan("signals").num_columns == 0
        store.append("signals", batch(seq=[1]))
        assert store.scan("fills", where=[Predicate("seq", "=", 1)]).num_columns == 0
        assert store.scan("signals", ["nothing", "seq"]).column_names == ["seq"]
        for operator, value in (("=", 1), ("!=", 1), ("in", [None])):
            predicate = Predicate("nothing", operator, value)  # type: ignore[arg-type]
            assert_same(
                store.scan("signals", where=[predicate]), united([batch(seq=[1]).slice(0, 0)])
            )

    def test_a_condition_that_makes_no_sense_is_refused(self, store: StorageBackend) -> None:
        """Text is not compared with numbers."""
        store.append("signals", batch(seq=[1], symbol=["a"]))
        for column, value in (("seq", "1"), ("symbol", 1)):
            with pytest.raises(ConfigError, match=column):
                store.scan("signals", where=[Predicate(column, "=", value)])

    # --- how long it lives ---

    def test_rows_follow_after_the_part_is_opened_again(self, folder: Path) -> None:
        """A backend that was closed lost nothing, and another goes on where it stopped."""
        parts = [batch(seq=[1], extra_x=[1]), batch(extra_y=[0.5], seq=[2]), batch(extra_x=[2.5])]
        for number, part in enumerate(parts):
            with closing(self.make(folder)) as store:
                assert store.scan("signals").num_rows == number
                store.append("signals", part)
        assert_same(self.make(folder).scan("signals"), united(parts))

    def test_a_sealed_part_takes_no_more_rows(self, folder: Path) -> None:
        """Neither from the backend that sealed it nor from another; sealing twice is allowed."""
        with closing(self.make(folder)) as store:
            store.append("signals", every_type())
            files = store.seal()
            assert store.seal() == files
            with pytest.raises(StoreError, match="seal"):
                store.append("signals", every_type())
        with closing(self.make(folder)) as other:
            with pytest.raises(StoreError, match="seal"):
                other.append("signals", every_type())
            assert_same(other.scan("signals"), united([every_type()]))
            assert other.seal() == files

    def test_sealing_nothing_leaves_nothing(self, store: StorageBackend) -> None:
        """A part in which nothing happened has no tables."""
        assert store.seal() == ()
        assert store.tables() == ()

    def test_it_may_be_closed_twice(self, folder: Path) -> None:
        """And takes no rows afterwards."""
        store = self.make(folder)
        store.append("signals", batch(seq=[1]))
        store.close()
        store.close()
        with pytest.raises(StoreError, match="closed"):
            store.append("signals", batch(seq=[2]))
        assert self.make(folder).scan("signals")["seq"].to_pylist() == [1]

    def test_settings_are_checked(self, folder: Path) -> None:
        """A word that does not exist is refused where the backend is made, with a hint."""
        with pytest.raises(ConfigError, match="compression"):
            self.make(folder, compression="zippp")
        with pytest.raises(ConfigError, match=r'sinc.*"sync"'):
            self.make(folder, sinc=True)

    def test_every_compression_gives_back_the_same(self, folder: Path) -> None:
        """Whoever opens the part need not know how it was compressed; so it is with `sync`."""
        words: Sequence[str] = self.backend_class().compressions
        for number, word in enumerate(words):
            part = folder / str(number)
            part.mkdir()
            with closing(self.make(part, compression=word, sync=True)) as store:
                store.append("signals", every_type())
                assert_same(self.make(part).scan("signals"), united([every_type()]))
                store.seal()
            assert_same(self.make(part).scan("signals"), united([every_type()]))

    def test_threads_read_while_batches_are_added_and_sealed(self, folder: Path) -> None:
        """Each sees the batches from the first to some last one, and never fewer than before."""
        batches_, size = 30, 5
        done, problems = Event(), []

        def read(store: StorageBackend) -> None:
            seen = 0
            try:
                while seen < batches_ * size:
                    last = done.is_set()
                    found = store.scan("signals")
                    rows = found["seq"].to_pylist() if found.num_columns else []
                    assert rows == list(range(len(rows)))
                    assert len(rows) % size == 0
                    assert len(rows) >= seen
                    seen = len(rows)
                    assert seen == batches_ * size or not last
            except BaseException as exc:
                problems.append(exc)

        with closing(self.make(folder)) as store:
            readers = [Thread(target=read, args=(s,)) for s in (store, self.make(folder))]
            for reader in readers:
                reader.start()
            for start in range(0, batches_ * size, size):
                store.append("signals", batch(seq=list(range(start, start + size))))
            store.seal()
            done.set()
            for reader in readers:
                reader.join()
        assert not problems, problems[0]
