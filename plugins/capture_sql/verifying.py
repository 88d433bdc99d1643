"""Whether every stored field is what was written, and every change is there, in its order."""

from __future__ import annotations

import json
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from capture.lifecycle.states import FINAL, TRANSITIONS
from capture.lifecycle.verification import DatabaseFinding, DatabaseVerification
from capture_sql.archiving import changed_archives
from capture_sql.chains import begun, linked
from capture_sql.tables import archives, fills, history, marks, signals, writers
from capture_sql.verifying_positions import changed_positions, found_changed, streamed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy.engine import Connection

__all__ = ["verify"]

_STATES: Final = ("saved", "status")


def verify(connection: Connection, place: str) -> DatabaseVerification:
    """Check one state of a database; it must not change meanwhile."""
    findings: list[DatabaseFinding] = []
    last, changes = _check_history(connection, findings)
    findings += _broken_chains(connection)
    findings += _changed_signals(connection, last)
    findings += _changed_fills(connection)
    suspect = {each.signal_id for each in findings if each.table == "fills"}
    findings += changed_positions(connection, suspect)
    findings += changed_archives(connection)
    counted = connection.execute(sa.select(sa.func.count()).select_from(signals)).scalar() or 0
    return DatabaseVerification(place, int(counted), changes, tuple(findings))


def _check_history(
    connection: Connection, findings: list[DatabaseFinding]
) -> tuple[dict[str, Mapping[str, Any]], int]:
    """Check each signal's changes, and return the last of each, with when it came to its state."""
    last: dict[str, Mapping[str, Any]] = {}
    closed: dict[str, int] = {}
    count = 0
    query = sa.select(history).order_by(history.c.signal_id, history.c.version)
    for row in streamed(connection, query):
        count += 1
        signal_id = row["signal_id"]
        before = last.get(signal_id)
        findings += found_changed("history", row, f"change {row['version']}: ")
        problem = _out_of_order(before, row)
        if problem:
            findings.append(DatabaseFinding("history", _at(row, problem), signal_id))
        if row["kind"] in _STATES and row["to_status"] in FINAL:
            closed[signal_id] = row["at_ns"]
        last[signal_id] = {
            "version": row["version"],
            "to_status": row["to_status"],
            "signal_sha256": row["signal_sha256"],
            "finished_ns": closed.get(signal_id),
        }
    return last, count


def _at(row: Mapping[str, Any], problem: str) -> str:
    return f"change {row['version']} ({row['kind']} {row['to_status']}): {problem}"


def _out_of_order(before: Mapping[str, Any] | None, row: Mapping[str, Any]) -> str | None:
    if before is None:
        first = row["version"] == 1 and row["from_status"] is None
        return None if first else "the changes before it are missing"
    if row["version"] != before["version"] + 1:
        return f"it follows change {before['version']}; one is missing"
    if row["from_status"] != before["to_status"]:
        return f"it comes from {row['from_status']}, and the signal was {before['to_status']}"
    if row["kind"] == "status":
        onward = TRANSITIONS.get(row["from_status"], ())
        if row["to_status"] not in onward:
            return "no way leads there"
    return None


def _broken_chains(connection: Connection) -> Iterator[DatabaseFinding]:
    """Yield the chains in which a link is missing, doubled, moved or forged."""
    gone = _archived_links(connection)
    ends = {row["writer"]: row for row in streamed(connection, sa.select(writers))}
    names = ("writer", "link", "signal_id", "sha256", "chain")
    each = [
        sa.select(sa.literal(table.name).label("table"), *(_column(table, n) for n in names))
        for table in (history, marks)
    ]
    query = sa.union_all(*each).order_by("writer", "link")
    for writer, links in groupby(streamed(connection, query), key=itemgetter("writer")):
        end = ends.pop(writer, None)
        if end is None:
            yield DatabaseFinding("writers", f"writer {writer} is missing")
        else:
            yield from _broken_chain(end, links, gone.pop(writer, {}))
    for writer, end in ends.items():  # of which every link is archived, or lost
        yield from _broken_chain(end, iter(()), gone.get(writer, {}))


def _broken_chain(
    end: Mapping[str, Any], here: Iterator[Mapping[str, Any]], gone: Mapping[int, str]
) -> Iterator[DatabaseFinding]:
    writer, chain, number = end["writer"], begun(end["writer"], end["begun_ns"]), 0
    for row in here:
        while number + 1 < row["link"] and number + 1 in gone:
            number += 1
            chain = linked(chain, gone[number])
        if row["link"] != number + 1:
            problem = f"link {number + 1} of writer {writer} is missing"
            yield DatabaseFinding("history", problem)
            return
        number += 1
        chain = linked(chain, row["sha256"])
        if row["chain"] != chain:
            problem = f"link {number} of writer {writer} does not follow from the one before"
            yield DatabaseFinding(row["table"], problem, row["signal_id"], "chain")
            return
    while number + 1 in gone:
        number += 1
        chain = linked(chain, gone[number])
    if number < end["links"]:
        yield DatabaseFinding("history", f"link {number + 1} of writer {writer} is missing")
    elif (end["links"], end["chain"]) != (number, chain):
        yield DatabaseFinding("writers", f"the chain of writer {writer} does not end as it says")


def _column(table: sa.Table, name: str) -> sa.ColumnElement[Any]:
    """Return a column of a table of links; marks are of many signals."""
    return table.c[name] if name in table.c else sa.cast(sa.null(), sa.Text).label(name)


def _archived_links(connection: Connection) -> dict[str, dict[int, str]]:
    """Return the digests of links that went into archives, by writer and place."""
    found: dict[str, dict[int, str]] = {}
    query = sa.select(archives.c.links).where(archives.c.state == "archived")
    for text in connection.execute(query).scalars():
        for writer, first, digests in json.loads(text):
            places = range(first, first + len(digests))
            found.setdefault(writer, {}).update(zip(places, digests, strict=True))
    return found


def _changed_signals(
    connection: Connection, last: dict[str, Mapping[str, Any]]
) -> Iterator[DatabaseFinding]:
    missing = set(last)
    for row in streamed(connection, sa.select(signals)):
        signal_id = row["signal_id"]
        missing.discard(signal_id)
        end = last.get(signal_id)
        changed = list(found_changed("signals", row))
        yield from changed
        if changed:
            continue
        if end is None:
            yield DatabaseFinding("signals", "it has no history", signal_id)
        elif end["signal_sha256"] != row["sha256"] or end["version"] != row["version"]:
            problem = f"version {row['version']} is not what change {end['version']} made"
            yield DatabaseFinding("signals", problem, signal_id)
        elif row["finished_ns"] != end["finished_ns"]:
            problem = "it is not when the history says the signal came to its final state"
            yield DatabaseFinding("signals", problem, signal_id, "finished_ns")
    for signal_id in sorted(missing):
        yield DatabaseFinding("signals", "the signal is missing; its history is there", signal_id)


def _changed_fills(connection: Connection) -> Iterator[DatabaseFinding]:
    """Yield fills that were changed, that no change brought, or that are missing."""
    query = sa.select(history.c.signal_id, history.c.version, history.c.fill_sha256)
    query = query.where(history.c.fill_sha256.is_not(None))
    brought = {
        (row["signal_id"], row["version"]): row["fill_sha256"]
        for row in streamed(connection, query)
    }
    for row in streamed(connection, sa.select(fills)):
        digest = brought.pop((row["signal_id"], row["version"]), None)
        changed = list(found_changed("fills", row, f"fill {row['fill_id']}: "))
        yield from changed
        if not changed and digest != row["sha256"]:
            problem = f"fill {row['fill_id']} was not brought by any change"
            yield DatabaseFinding("fills", problem, row["signal_id"])
    for signal_id, version in sorted(brought):
        yield DatabaseFinding("fills", f"the fill of change {version} is missing", signal_id)
