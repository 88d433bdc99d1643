"""How a row lies in the journal: a fixed-width record, declared before its first use.

A record is little-endian and unaligned:

    uint32 size | uint16 layout | int64 seq | int64 recorded_ns | fields... | texts | uint32 commit

`size` counts the whole record. `texts` is a msgpack array with the values of the text fields, and
is absent in a layout that has none. `commit` is written last; a record without it was never
acknowledged. In a frame, and in every record of a segment whose head says so, it is the CRC-32 of
the record up to there; elsewhere it is a fixed word. Layout 0 is a declaration and layout 1 a
frame; both hold one msgpack map in place of seq, time and fields.

A record is one row of one table, or, where its layout has faces, one row of each of them: what
comes to be in the same moment, such as a signal and its order, is written and acknowledged at once.
The first row has the record's sequence number, and each further one the next.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, get_args

import numpy as np

from capture.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "COMMIT",
    "COMMIT_BYTES",
    "DECLARATION",
    "FIRST_LAYOUT",
    "FRAME",
    "HEAD",
    "NULL_FLOAT",
    "NULL_INT",
    "NULL_SMALL",
    "NULL_WORD",
    "Derived",
    "Face",
    "Field",
    "Kind",
    "Layout",
]

Kind = Literal["int", "small", "flag", "float", "time", "word", "text"]

DECLARATION: Final = 0
FRAME: Final = 1
FIRST_LAYOUT: Final = 2

HEAD: Final = struct.Struct("<IH")
COMMIT: Final = struct.Struct("<I")
COMMIT_BYTES: Final = COMMIT.size
COMMIT_WORD: Final = 0x5CA9_0DE5

# Values that stand for null in a fixed-width field. The null of a float is a NaN with a payload
# that no computation makes, so that a NaN which an indicator gave stays a NaN.
NULL_FLOAT_BITS: Final = 0x7FF8_5CA9_0DE5_0001
NULL_FLOAT: Final[float] = struct.unpack("<d", struct.pack("<Q", NULL_FLOAT_BITS))[0]
NULL_INT: Final = -(2**63)
NULL_SMALL: Final = -128
NULL_WORD: Final = 0


class _Storage(NamedTuple):
    code: str
    dtype: str
    null: Any


STORAGE: Final[Mapping[str, _Storage]] = {
    "int": _Storage("q", "<i8", NULL_INT),
    "small": _Storage("b", "<i1", NULL_SMALL),
    "flag": _Storage("b", "<i1", NULL_SMALL),
    "float": _Storage("d", "<f8", NULL_FLOAT),
    "time": _Storage("q", "<i8", NULL_INT),
    "word": _Storage("I", "<u4", NULL_WORD),
}


class Field(NamedTuple):
    """One column of a layout and how it is kept: `text` varies in length, the rest is fixed."""

    name: str
    kind: Kind


class Derived(NamedTuple):
    """A text column made of a prefix and a whole-number column; it fills what is null."""

    name: str
    prefix: str
    source: str


class Face(NamedTuple):
    """One of the rows that a record stands for.

    Attributes:
        table: table that the row belongs to.
        columns: the field that each column is read from; "seq" is the record's own number.
        constants: columns that have the same value in every row.
        derived: text columns made from a prefix and a whole number, which is a column or a field.
        late: whether further columns are gathered when a block is handed on.
    """

    table: str
    columns: Mapping[str, str]
    constants: Mapping[str, Any] = MappingProxyType({})
    derived: tuple[Derived, ...] = ()
    late: bool = False

    def to_declaration(self) -> dict[str, Any]:
        """Return the face as the journal declares it."""
        return {
            "table": self.table,
            "columns": dict(self.columns),
            "constants": dict(self.constants),
            "derived": [list(d) for d in self.derived],
            "late": self.late,
        }

    @classmethod
    def from_declaration(cls, said: Mapping[str, Any]) -> Face:
        """Make the face that a journal declares."""
        derived = tuple(Derived(*d) for d in said["derived"])
        return cls(said["table"], said["columns"], said["constants"], derived, said["late"])


@dataclass(frozen=True)
class Layout:
    """The declared form of the records of one kind, as one writer appends them.

    Attributes:
        number: the record's layout number within the journal.
        table: table that the rows belong to; the first one if there are several.
        fields: columns that every row brings, fixed-width ones and texts in any order.
        constants: columns that have the same value in every row.
        derived: text columns made from a prefix and a whole number.
        late: whether further columns are gathered when a block is handed on.
        faces: the rows that a record stands for, if it is more than one of `table`.
    """

    number: int
    table: str
    fields: tuple[Field, ...]
    constants: Mapping[str, Any] = field(default_factory=dict)
    derived: tuple[Derived, ...] = ()
    late: bool = False
    faces: tuple[Face, ...] = ()

    def __post_init__(self) -> None:
        """Refuse unknown kinds, names that occur twice, and columns of unknown fields."""
        seen = set(self.constants) | {"seq", "recorded_time"}
        for name, kind in self.fields:
            if kind not in get_args(Kind):
                raise ConfigError(
                    f"kind of field {name}",
                    kind,
                    f"choose one of {', '.join(get_args(Kind))}."
                    f"{did_you_mean(str(kind), get_args(Kind))}",
                )
            if name in seen:
                raise ConfigError("field", name, "a column can be declared only once")
            seen.add(name)
        for face in self.faces:
            for source in face.columns.values():
                if source != "seq" and source not in seen:
                    raise ConfigError(
                        "field", source, f"is not declared.{did_you_mean(source, sorted(seen))}"
                    )

    @cached_property
    def rows(self) -> tuple[Face, ...]:
        """What a record stands for, row by row."""
        if self.faces:
            return self.faces
        columns = {f.name: f.name for f in self.fields}
        return (Face(self.table, columns, self.constants, self.derived, self.late),)

    @cached_property
    def kinds(self) -> Mapping[str, Kind]:
        """The kind of each field."""
        return {"seq": "int", **dict(self.fields)}

    @cached_property
    def fixed(self) -> tuple[Field, ...]:
        """The fields of fixed width."""
        return tuple(f for f in self.fields if f.kind != "text")

    @cached_property
    def texts(self) -> tuple[Field, ...]:
        """The fields of variable length."""
        return tuple(f for f in self.fields if f.kind == "text")

    @cached_property
    def codes(self) -> str:
        """The struct codes of the fixed fields."""
        return "".join(STORAGE[f.kind].code for f in self.fixed)

    @cached_property
    def dtype(self) -> np.dtype[Any]:
        """The record's fixed part as numpy reads it."""
        head = [("size", "<u4"), ("layout", "<u2"), ("seq", "<i8"), ("recorded_time", "<i8")]
        return np.dtype(head + [(f":{f.name}", STORAGE[f.kind].dtype) for f in self.fixed])

    @cached_property
    def nulls(self) -> tuple[Any, ...]:
        """What stands for null, field by field."""
        return tuple(None if f.kind == "text" else STORAGE[f.kind].null for f in self.fields)

    def to_declaration(self) -> dict[str, Any]:
        """Return the layout as the journal declares it."""
        return {
            "declares": "layout",
            "number": self.number,
            "table": self.table,
            "fields": [[f.name, f.kind] for f in self.fields],
            "struct": f"<IHqq{self.codes}",
            "constants": dict(self.constants),
            "derived": [list(d) for d in self.derived],
            "late": self.late,
            **({"faces": [f.to_declaration() for f in self.faces]} if self.faces else {}),
        }

    @classmethod
    def from_declaration(cls, said: Mapping[str, Any]) -> Layout:
        """Make the layout that a journal declares."""
        return cls(
            number=said["number"],
            table=said["table"],
            fields=tuple(Field(*f) for f in said["fields"]),
            constants=said["constants"],
            derived=tuple(Derived(*d) for d in said["derived"]),
            late=said["late"],
            faces=tuple(Face.from_declaration(f) for f in said.get("faces", ())),
        )
