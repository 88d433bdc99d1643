"""The chain of a connection: every change that it writes is a link, with a digest over the last.

One chain for the whole database would let every writer wait for every other. So each connection has
one of its own; nobody else writes it, and its head is known without asking.
"""

from __future__ import annotations

import hashlib
import secrets
import time
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from capture.store.integrity import row_digest, spelled_row, tags_of
from capture_sql.tables import history, writers

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sqlalchemy import Table
    from sqlalchemy.engine import Connection

__all__ = [
    "Link",
    "begun",
    "chain_kept",
    "changed_fields",
    "extend",
    "has_chain",
    "link_up",
    "linked",
    "sealed",
]

_KEPT: Final = "capture_chain"
_UNHASHED: Final = frozenset({"number", "sha256", "prints", "chain", "finished_ns"})
_PRINT_BYTES: Final = 4  # two of the field's tag, two of its value


class Link(NamedTuple):
    """The end of a chain."""

    writer: str
    links: int
    chain: str


@contextmanager
def chain_kept(connection: Connection) -> Iterator[None]:
    """Go back to the end that the chain had before, if the transaction is rolled back."""
    before = connection.info.get(_KEPT)
    try:
        yield
    except BaseException:
        if not connection.invalidated:
            connection.info[_KEPT] = before
        raise


def sealed(row: dict[str, Any]) -> dict[str, Any]:
    """Give a row the digest over its fields, and of each a print by which a change is named."""
    cells = spelled_row({name: row[name] for name in row if name not in _UNHASHED})
    row["sha256"] = row_digest(cells).hex()
    row["prints"] = b"".join(map(_print, cells.values())).hex()
    return row


def changed_fields(row: Mapping[str, Any]) -> list[str] | None:
    """Return the fields of a row that are not what was written; None if all are.

    The list is empty if something is, and the prints do not tell which: they were changed as well.
    """
    # SQLite keeps a value of any type in any column; one that is none of ours was put there.
    cells = spelled_row(
        {
            name: value if value is None or type(value) in (int, float, str) else repr(value)
            for name, value in row.items()
            if name not in _UNHASHED
        }
    )
    try:
        held = bytes.fromhex(row["prints"])
    except (TypeError, ValueError):
        return ["prints"]
    written = {held[at : at + 2]: held[at : at + _PRINT_BYTES] for at in range(0, len(held), 4)}
    now = {cell[:2]: (name, _print(cell)) for name, cell in cells.items()}
    names = {tag[:2]: name for name in row if name not in _UNHASHED for tag in tags_of(name)}
    found = [name for tag, (name, print_) in now.items() if written.get(tag) != print_]
    found += [names.get(tag, "prints") for tag in written.keys() - now.keys()]
    if row["sha256"] != row_digest(cells).hex():
        return sorted(found) or ["sha256"]
    return ["prints"] if found else None


def _print(cell: bytes) -> bytes:
    return cell[:2] + (zlib.crc32(cell) & 0xFFFF).to_bytes(2, "little")


def begun(writer: str, begun_ns: int) -> str:
    """Return what a chain begins with."""
    return hashlib.sha256(f"capture lifecycle chain 1\0{writer}\0{begun_ns}".encode()).hexdigest()


def linked(chain: str, digest: str) -> str:
    """Return a chain with one more link."""
    return hashlib.sha256(f"{chain}{digest}".encode()).hexdigest()


def extend(connection: Connection, rows: Sequence[dict[str, Any]], table: Table = history) -> None:
    """Write rows of history, or of marks, as the next links of the connection's chain."""
    if not rows:
        return
    end = link_up(connection, rows)
    connection.execute(table.insert(), list(rows))
    moved = writers.update().where(writers.c.writer == end.writer)
    connection.execute(moved.values(links=end.links, chain=end.chain))


def link_up(connection: Connection, rows: Sequence[dict[str, Any]]) -> Link:
    """Make rows the next links of the connection's chain, and return its end, to be written."""
    writer, links, chain = connection.info.get(_KEPT) or _begin(connection)
    for row in rows:
        links += 1
        row["writer"], row["link"] = writer, links
        chain = row["chain"] = linked(chain, sealed(row)["sha256"])
    end = connection.info[_KEPT] = Link(writer, links, chain)
    return end


def has_chain(connection: Connection) -> bool:
    """Say whether a connection has written before, so that its chain is begun."""
    return connection.info.get(_KEPT) is not None


def _begin(connection: Connection) -> Link:
    writer = secrets.token_hex(8)
    begun_ns = time.time_ns()
    first = Link(writer, 0, begun(writer, begun_ns))
    values = {"begun_ns": begun_ns, "links": 0, "chain": first.chain}
    connection.execute(writers.insert().values(writer=writer, **values))
    return first
