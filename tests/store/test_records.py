"""Records are canonical, carry their own hash, and are written at once or not at all."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from enum import Enum
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.errors import CorruptRecording, StoreError
from capture.store.records import canonical, plain, read_record, write_record

if TYPE_CHECKING:
    from collections.abc import Callable

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


class Colour(Enum):
    RED = "red"


@given(record=st.dictionaries(st.text(), JSON, max_size=5))
def test_what_is_written_is_what_is_read(
    tmp_path_factory: pytest.TempPathFactory, record: dict[str, Any]
) -> None:
    path = tmp_path_factory.mktemp("r") / "record.json"
    record.pop("sha256", None)
    written = write_record(path, record)
    assert read_record(path) == written
    assert {k: v for k, v in written.items() if k != "sha256"} == plain(record)


@given(place=st.integers(0, 10**6), mask=st.integers(1, 255))
def test_any_changed_byte_is_found(
    tmp_path_factory: pytest.TempPathFactory, place: int, mask: int
) -> None:
    path = tmp_path_factory.mktemp("r") / "record.json"
    write_record(path, {"name": "münchen", "list": [1, 2.5, None], "nested": {"a": "b"}})
    data = bytearray(path.read_bytes())
    data[place % len(data)] ^= mask
    path.write_bytes(data)
    with pytest.raises(CorruptRecording, match="is not what was written"):
        read_record(path)


@pytest.mark.parametrize("data", [b"", b"{}\n", b"[]", b"{", b"\xff\xfe", b"[" * 100_000])
def test_what_was_never_a_record_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "record.json"
    path.write_bytes(data)
    with pytest.raises(CorruptRecording):
        read_record(path)


def test_a_missing_record_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"none\.json: the record is missing"):
        read_record(tmp_path / "none.json")


def test_what_json_does_not_know_becomes_what_it_knows() -> None:
    class Opaque:
        pass

    assert plain(
        {
            1: np.float64(1.5),
            "array": np.arange(2),
            "path": PurePosixPath("/a"),
            "day": date(2020, 1, 2),
            "time": datetime(2020, 1, 2, tzinfo=UTC),
            "set": {2, 1},
            "bytes": b"\x01",
            "enum": Colour.RED,
            "nan": float("nan"),
            "surrogate": "\ud800",
            "class": Path,
            "flag": np.True_,
            "range": range(2),
        }
    ) == {
        "1": 1.5,
        "array": [0, 1],
        "path": "/a",
        "day": "2020-01-02",
        "time": "2020-01-02T00:00:00+00:00",
        "set": [1, 2],
        "bytes": "01",
        "enum": "red",
        "nan": "nan",
        "surrogate": "\\ud800",
        "class": "pathlib.Path",
        "flag": True,
        "range": [0, 1],
    }
    assert plain(Opaque()) == plain(Opaque()), "an address is no part of a setting"


def test_the_text_is_plain_json_that_anything_reads() -> None:
    text = canonical(plain({"b": 1, "a": float("inf")}))
    assert json.loads(text, parse_constant=pytest.fail) == {"a": "inf", "b": 1}
    assert text.index('"a"') < text.index('"b"')


_WRITE_LIMITED = """
import resource, signal, sys
from pathlib import Path
from capture.errors import StorageFull
from capture.store.records import write_record
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
path = Path(sys.argv[1])
write_record(path, {"small": 1})
try:
    write_record(path, {"large": "x" * 5000})
except StorageFull as exc:
    print(exc)
"""


def test_without_space_the_old_record_stays_and_the_error_says_so(
    tmp_path: Path, python: Callable[..., Any]
) -> None:
    path = tmp_path / "record.json"
    done = python(_WRITE_LIMITED, path)
    assert "no space left to write record.json" in done.stdout, done.stderr
    assert "make room" in done.stdout
    assert read_record(path)["small"] == 1
    assert [p.name for p in tmp_path.iterdir()] == ["record.json"]
