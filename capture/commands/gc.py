"""`capture gc`: results that are older than they are to be kept, told first and then removed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from capture.commands.terminal.document import write
from capture.commands.terminal.screen import Screen
from capture.commands.terminal.table import Column, Table
from capture.commands.terminal.text import count, of_bytes, plural, safe
from capture.commands.words import json_option, results_option, verb
from capture.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from capture.study.results.retention import Removal, RetentionPlan

__all__ = ["command"]


@verb("gc", status="2 it could not run")
@results_option
@click.option("--events", metavar="AGE", help="How long events are kept: 7d, 12w, 2y, forever.")
@click.option("--trades", metavar="AGE", help="How long tables of trades are kept.")
@click.option("--metrics", metavar="AGE", help="How long tables of metrics are kept.")
@click.option("--summaries", metavar="AGE", help="How long what is left then is kept.")
@click.option("--delete", is_flag=True, help="Remove what is listed; without it nothing is.")
@json_option
def command(results: str, delete: bool, as_json: bool, **ages: str | None) -> None:
    """List results that are older than they are to be kept; with --delete remove them.

    An age counts from the end of a workflow. What has no age is kept for ever. A workflow that is
    marked to be kept, that has not ended, or that one of these reads, is left alone.
    """
    from capture.study.results.retention import RetentionPolicy, plan_retention, remove
    from capture.study.results.store import HybridResultStore

    store = HybridResultStore(results)
    if not store.root.is_dir():
        raise StoreError(results, "this folder does not exist", "name a folder of results")
    plan = plan_retention(store, RetentionPolicy.from_mapping(ages))
    gone = remove(store, plan) if delete else ()
    if as_json:
        write({**plan.to_dict(), "deleted": [[one.workflow_id, one.kind] for one in gone]})
    else:
        _draw(plan, gone, delete=delete)


def _draw(plan: RetentionPlan, gone: Sequence[Removal], *, delete: bool) -> None:
    screen = Screen()
    if not plan.removals:
        screen.text("Nothing is older than it is to be kept.")
        return
    rows = plan.removals
    screen.table(
        Table.of(
            Column("WORKFLOW", [safe(row.workflow_id) for row in rows]),
            Column("KIND", [row.kind for row in rows]),
            Column("DAYS", [count(row.age_days) for row in rows], right=True),
            Column("SIZE", [of_bytes(row.size_bytes) for row in rows], right=True),
            Column("STAYS BECAUSE", [safe(row.held) for row in rows], rank=1),
        )
    )
    screen.text()
    size = of_bytes(sum(row.size_bytes for row in (gone if delete else plan.going)))
    if delete:
        screen.text(f"Removed {plural(len(gone), 'item')}, {size}.")
    else:
        said = f"{plural(len(plan.going), 'item')}, {size}"
        screen.text(f"{said} would go; nothing was removed. To do it: --delete")
