"""`capture show`: a run at a glance, or one signal with its context and its fate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from capture.commands.ls import STATE_STYLES
from capture.commands.terminal.document import rows_of, write
from capture.commands.terminal.screen import Screen
from capture.commands.terminal.table import Column, Table
from capture.commands.terminal.text import count, duration, plural, safe, second
from capture.commands.views.fate import fate, run_of
from capture.commands.views.overview import overview, traded
from capture.commands.views.signals import signals_table
from capture.commands.words import LATEST, choose_run, json_option, run_argument, store_option, verb

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["command", "dispositions_table", "named", "told"]

_FEW = 3
"""Strategies that are shown with their indicators; more are shown as a table."""

_MANY = 24
"""Strategies that a table shows."""


@verb("show", status="1 the run or the signal was not found, or is corrupt, 2 it could not run")
@run_argument
@store_option
@click.option(
    "--signal",
    metavar="ID",
    help="Show this signal: its identity, or its number as in the column SEQ.",
)
@click.option(
    "-n",
    "--rows",
    metavar="N",
    type=click.IntRange(min=0),
    default=5,
    show_default=True,
    help="How many of the first, and of the last signals.",
)
@json_option
def command(run: str, store: str, signal: str | None, rows: int, as_json: bool) -> None:
    """Show RUN at a glance, or one signal with its context and its fate.

    With --signal: why it was given, and why it did or did not trade.
    """
    if signal is None:
        _show_run(choose_run(store, run), rows, as_json=as_json)
        return
    from capture.commands.signal_page import draw

    of_signal = run_of(signal)
    recording = choose_run(store, of_signal if of_signal and run == LATEST else run)
    found = fate(recording, signal)
    if as_json:
        write(found)
    else:
        draw(found, Screen())


def _show_run(recording: Any, rows: int, *, as_json: bool) -> None:
    view = overview(recording, rows)
    if as_json:
        signals = {name: list(rows_of(view[name])) for name in ("first_signals", "last_signals")}
        write({**view, **signals})
    else:
        _draw(view, Screen())


def _draw(view: Mapping[str, Any], screen: Screen) -> None:
    screen.text(safe(view["run_id"]), "bold")
    screen.text(str(view["state"]), STATE_STYLES.get(view["state"], ""))
    screen.facts(_facts(view))
    if len(view["strategies"]) > _FEW:
        _draw_many(view["strategies"], screen)
    else:
        _draw_few(view["strategies"], screen)
    ends = view["dispositions"]
    if ends:
        signals = sum(end["signals"] for end in ends)
        screen.heading(f"What became of {plural(signals, 'signal')}; {traded(ends):,} traded")
        screen.table(dispositions_table(ends))
    first, last = view["first_signals"], view["last_signals"]
    if len(first):
        screen.heading(f"First {plural(len(first), 'signal')}")
        screen.table(signals_table(first))
    if len(last):
        screen.heading(f"Last {plural(len(last), 'signal')}")
        screen.table(signals_table(last))


def _draw_few(strategies: Sequence[Mapping[str, Any]], screen: Screen) -> None:
    for strategy in strategies:
        screen.heading(f"Strategy {safe(strategy['strategy_id'])}")
        indicators = {
            f"indicator {safe(name)}": _made_by(said) or "-"
            for name, said in strategy["indicators"].items()
        }
        screen.facts({"parameters": named(strategy["params"]), **indicators})


def _draw_many(strategies: Sequence[Mapping[str, Any]], screen: Screen) -> None:
    """Draw a line for each parameter set of a grid; a set that ran twice has two parts."""
    screen.heading(plural(len(strategies), "parameter set"))
    shown = strategies[:_MANY]
    screen.table(
        Table.of(
            Column("STRATEGY", [safe(s["strategy_id"]) for s in shown], style="bold"),
            Column("PARAMETERS", [named(s["params"]) for s in shown], rank=1),
            Column("PARTS", [count(s["parts"]) for s in shown], right=True, rank=2),
            Column("SIGNALS", [count(s["signals"]) for s in shown], right=True),
        )
    )
    if len(strategies) > len(shown):
        screen.text(f"and {count(len(strategies) - len(shown))} more; --json lists them all")


def _made_by(indicator: Mapping[str, Any]) -> str:
    """Return how an indicator was made, as a call where the recording says so."""
    function = indicator.get("function")
    if function is None:
        return named(indicator)
    arguments = [*map(safe, indicator.get("args") or ()), named(indicator.get("params"))]
    return f"{safe(function)}({', '.join(filter(None, arguments))})"


def _facts(view: Mapping[str, Any]) -> dict[str, str]:
    counts = told(view["counts"])
    ended = second(view["ended"])
    took = f", {duration(view['seconds'])}" if view["seconds"] is not None else ""
    return {
        "problem": safe(view["problem"] or ""),
        "strategy": safe(view["strategy"]),
        "host": " ".join(safe(word) for word in (view["host"], view["host_version"]) if word),
        "kind": safe(view["kind"]),
        "parent": safe(view["parent"] or ""),
        "symbols": ", ".join(map(safe, view["symbols"] or ())),
        "started": f"{second(view['started'])} UTC",
        "ended": f"{ended} UTC{took}" if ended else "",
        "recorded": counts or "nothing",
        "parts": count(view["parts"]) if view["parts"] != 1 else "",
        "settings": named(view["settings"]),
        "flags": named(view["flags"]),
        "plugin failures": named(view["plugin_failures"]),
        "code": _code(view),
    }


def _code(view: Mapping[str, Any]) -> str:
    revision = view["git_revision"]
    if not revision:
        return ""
    return f"git {safe(revision[:12])}" + (" with changes" if view["git_dirty"] else "")


def told(counts: Mapping[str, int]) -> str:
    """Return how many rows every table has, in one line."""
    return ", ".join(f"{count(rows)} {table}" for table, rows in counts.items())


def named(values: Mapping[str, Any] | None) -> str:
    """Return values with their names, in one line."""
    return ", ".join(
        f"{safe(name)}={safe(value)}" for name, value in (values or {}).items() if value is not None
    )


def dispositions_table(ends: Sequence[Mapping[str, Any]]) -> Table:
    """Return the table of what became of the signals."""
    whole = sum(end["signals"] for end in ends)
    return Table.of(
        Column("BECAME", [safe(end["disposition"] or "unknown") for end in ends], style="bold"),
        Column("WHY", [safe(end["reason"] or "") for end in ends], rank=1),
        Column("SIGNALS", [count(end["signals"]) for end in ends], right=True),
        Column("SHARE", [f"{end['signals'] / whole:.1%}" for end in ends], right=True),
    )
