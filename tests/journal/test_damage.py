"""A journal that was cut off gives what was acknowledged; one that was damaged says so."""

from __future__ import annotations

from pathlib import Path
from shutil import copytree
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture.journal import Field, Journal, JournalContent, read_journal
from capture.journal.segment import SEGMENT_HEAD

if TYPE_CHECKING:
    from collections.abc import Callable

ROWS = 36
WORDS = ("GOOG", "π", "a" * 30)


def write(
    journal: Callable[..., Journal], folder: Path, *, sync: bool, close: bool = False
) -> None:
    """Write rows of three layouts with words and texts between them, over several segments."""
    folder.mkdir()
    writer = journal(folder, sync=sync)
    plain = writer.appender(writer.layout("signals", fields=(Field("extra_n", "int"),)))
    named = writer.appender(
        writer.layout("signals", fields=(Field("symbol", "word"), Field("strength", "float")))
    )
    noted = writer.appender(writer.layout("notes", fields=(Field("value", "text"),)))
    for n in range(ROWS):
        if n % 3 == 0:
            plain(n)
        elif n % 3 == 1:
            named(writer.word(WORDS[n % len(WORDS)] + str(n)), n / 2)
        else:
            noted(f"note {n} " + "x" * (800 if n < 30 else 10))
    if close:
        writer.close()


@pytest.fixture(params=[False, True], ids=["journal", "fsync"])
def sync(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def written(tmp_path: Path, journal: Callable[..., Journal], sync: bool) -> Path:
    folder = tmp_path / "written"
    write(journal, folder, sync=sync)
    return folder


def rows_of(folder: Path) -> dict[int, object]:
    """Return every row by its sequence number."""
    return _rows(read_journal(folder))


def _rows(content: JournalContent) -> dict[int, object]:
    return {row["seq"]: (t, row) for t, rows in content.tables.items() for row in rows.to_pylist()}


def assert_prefix(folder: Path, whole: dict[int, object]) -> int:
    content = read_journal(folder)
    assert content.damaged is None
    found = _rows(content)
    assert sorted(found) == list(range(len(found)))
    assert all(found[seq] == (whole[seq]) for seq in found), "a row changed"
    return len(found)


def every_place(start: int, end: int) -> list[int]:
    """Return every place within the last records, and some of all others."""
    return sorted({*range(start, end, 11), *range(max(start, end - 200), end + 1)})


def test_cut_off_at_any_byte_a_prefix_is_left(written: Path) -> None:
    whole = rows_of(written)
    assert sorted(whole) == list(range(ROWS))
    last = max(written.iterdir())
    content = last.read_bytes()
    end = len(content.rstrip(b"\0"))
    lengths = []
    for length in every_place(0, end):
        last.write_bytes(content[:length])
        lengths.append(assert_prefix(written, whole))
    assert lengths == sorted(lengths)
    assert lengths[0] < lengths[-1] == ROWS


def test_zeros_from_any_byte_on_leave_a_prefix(written: Path) -> None:
    whole = rows_of(written)
    last = max(written.iterdir())
    content = last.read_bytes()
    end = len(content.rstrip(b"\0"))
    for length in every_place(SEGMENT_HEAD.size, end):
        last.write_bytes(content[:length].ljust(len(content), b"\0"))
        assert_prefix(written, whole)


def test_what_is_missing_before_the_last_segment_is_damage(written: Path) -> None:
    first, *others = sorted(written.iterdir())
    assert len(others) > 1, "the journal has several segments"
    first.write_bytes(first.read_bytes()[:-100])
    content = read_journal(written)
    assert content.damaged is not None
    assert "cut off" in content.damaged


@pytest.mark.parametrize("place", [0, 1])
def test_a_segment_that_is_gone_is_damage(written: Path, place: int) -> None:
    sorted(written.iterdir())[place].unlink()
    assert read_journal(written).damaged is not None


@settings(max_examples=100)
@given(st.data())
def test_no_damage_whatever_makes_reading_raise(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = _damaged_copy(tmp_path_factory, data)
    read_journal(folder)


@settings(max_examples=100)
@given(st.data())
def test_a_flipped_byte_is_found_where_checksums_are_kept(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """With `fsync` every record has one; otherwise every segment that is full has one."""
    root = _copies(tmp_path_factory)
    sync = data.draw(st.booleans(), "sync")
    folder = tmp_path_factory.mktemp("flipped") / "journal"
    copytree(root / ("fsync" if sync else "journal"), folder)
    paths = sorted(folder.iterdir())
    path = data.draw(st.sampled_from(paths if sync else paths[:-1]), "segment")
    content = bytearray(path.read_bytes())
    end = len(bytes(content).rstrip(b"\0"))
    place = data.draw(st.integers(SEGMENT_HEAD.size, end - 1), "byte")
    content[place] ^= data.draw(st.integers(1, 255), "flip")
    path.write_bytes(content)
    whole, found = read_journal(root / "fsync" if sync else root / "journal"), read_journal(folder)
    assert found.damaged is not None or found.torn > whole.torn
    if path != paths[-1]:
        assert found.damaged is not None, "a row that was acknowledged is not merely torn"


def _copies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with one journal of each durability; it is written once."""
    root = tmp_path_factory.getbasetemp() / "journals-to-damage"
    if not root.exists():
        root.mkdir()
        for name in ("journal", "fsync"):

            def make(folder: Path, **words: bool) -> Journal:
                writer = Journal(
                    folder,
                    block_rows=7,
                    segment_bytes=4096,
                    on_full=lambda _: writer.take_block() is None or True,
                    **words,
                )
                return writer

            write(make, root / name, sync=name == "fsync")
    return root


def _damaged_copy(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> Path:
    root = _copies(tmp_path_factory)
    folder = tmp_path_factory.mktemp("damaged") / "journal"
    copytree(root / data.draw(st.sampled_from(["journal", "fsync"])), folder)
    for path in sorted(folder.iterdir()):
        content = bytearray(path.read_bytes())
        match data.draw(st.sampled_from(["leave", "flip", "cut", "fill", "remove"])):
            case "flip":
                for _ in range(data.draw(st.integers(1, 8))):
                    place = data.draw(st.integers(0, len(content.rstrip(b"\0")) - 1))
                    content[place] = data.draw(st.integers(0, 255))
                path.write_bytes(content)
            case "cut":
                path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
            case "fill":
                start = data.draw(st.integers(0, len(content) - 1))
                junk = data.draw(st.binary(max_size=60))
                content[start : start + len(junk)] = junk
                path.write_bytes(content)
            case "remove":
                path.unlink()
    return folder


def test_a_segment_that_was_being_made_holds_nothing(written: Path) -> None:
    whole = rows_of(written)
    last = max(written.iterdir())
    (written / f"{int(last.stem) + 1:06d}.journal").write_bytes(bytes(4096))
    assert assert_prefix(written, whole) == ROWS
    assert read_journal(written).damaged is None


def test_a_closed_journal_holds_the_same_and_no_more_space_than_it_needs(
    tmp_path: Path, journal: Callable[..., Journal], written: Path, sync: bool
) -> None:
    write(journal, tmp_path / "closed", sync=sync, close=True)
    assert [row for _, row in sorted(_without_time(tmp_path / "closed").items())] == [
        row for _, row in sorted(_without_time(written).items())
    ]
    open_bytes = sum(path.stat().st_size for path in written.iterdir())
    assert read_journal(tmp_path / "closed").bytes < open_bytes


def _without_time(folder: Path) -> dict[int, object]:
    return {
        seq: {k: v for k, v in row[1].items() if k != "recorded_time"}  # type: ignore[index]
        for seq, row in rows_of(folder).items()
    }


def test_a_row_that_could_not_be_written_leaves_no_trace(
    tmp_path: Path, journal: Callable[..., Journal]
) -> None:
    writer = journal(tmp_path)
    wide = writer.layout("signals", fields=tuple(Field(f"extra_{n}", "int") for n in range(20)))
    append = writer.appender(wide)
    narrow = writer.appender(writer.layout("signals", fields=(Field("extra_x", "int"),)))
    append(*range(20))
    with pytest.raises(Exception, match="required argument is not an integer"):
        append(*range(19), "nineteen")
    writer.erase(wide)
    narrow(1)
    content = read_journal(tmp_path)
    assert (content.torn, content.damaged) == (0, None)
    assert content.tables["signals"].column("seq").to_pylist() == [0, 1]
