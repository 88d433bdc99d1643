"""`capture sweep`: one recording under many settings of a portfolio."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from capture.commands.sweep_view import draw, shown_rows, view
from capture.commands.terminal.document import write
from capture.commands.terminal.screen import Screen, progress
from capture.commands.terminal.text import plural, safe
from capture.commands.words import (
    NOT_CLEAN,
    choose_run,
    json_option,
    results_option,
    run_argument,
    store_option,
    verb,
)
from capture.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from capture.study.sweep import Sweep

__all__ = ["command"]

_FILTERS: Final = ("symbols", "start", "end", "where", "regime", "boundary", "force")


@verb("sweep", status="1 some trials failed, 2 it could not run")
@run_argument
@store_option
@results_option
@click.option(
    "--set",
    "said",
    multiple=True,
    metavar="NAME=VALUES",
    help="A setting and its values: size=1,2,5. May be repeated; every combination is tried.",
)
@click.option(
    "--grid",
    "grid_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="YAML with settings and their values; --set adds to it.",
)
@click.option("--sample", type=int, metavar="COUNT", help="Only so many combinations, at random.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of --sample.")
@click.option("--objective", "by", metavar="NAME", help="What decides.  [default: sharpe]")
@click.option("--strategy", "strategies", multiple=True, metavar="ID", help="Only this strategy.")
@click.option("--symbol", "symbols", multiple=True, metavar="NAME", help="Only this symbol.")
@click.option("--from", "start", metavar="TIME", help="Leave out earlier signals.")
@click.option("--to", "end", metavar="TIME", help="Leave out later signals.")
@click.option("--where", metavar="CONDITION", help="Leave out signals that do not meet it.")
@click.option("--regime", metavar="NAME", help="Only the signals of a regime.")
@click.option("--boundary", metavar="POLICY", help="What a position does when the regime ends.")
@click.option("--force", is_flag=True, help="Also where the strategy looked at its portfolio.")
@click.option("--event-driven", is_flag=True, help="Event by event, also where that is not needed.")
@click.option("--executor", default="serial", show_default=True, metavar="NAME", help="Who works.")
@click.option("--workers", type=int, metavar="COUNT", help="How many workers it has.")
@click.option("--id", "workflow_id", metavar="ID", help="Identity of the sweep among results.")
@click.option("--resume", is_flag=True, help="Go on with the sweep that --id names.")
@click.option("--keep", multiple=True, type=click.Choice(["trades", "events"]), help="Keep them.")
@click.option("--top", default=10, show_default=True, metavar="COUNT", help="Rows to show.")
@click.option(
    "--heat-map",
    "heat_map",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Draw the objective over two settings: .html or .svg.",
)
@click.option("--x", metavar="NAME", help="Setting along the heat map.")
@click.option("--y", metavar="NAME", help="Setting up the heat map.")
@json_option
def command(run: str, store: str, as_json: bool, **asked: Any) -> None:
    """Replay RUN into a portfolio under every combination of settings, and rank them.

    No signal is computed again. Results are kept as they come: a sweep that was killed goes on with
    --id ID --resume, and does nothing twice. Trials whose settings need more than signals are made
    event by event.
    """
    found = _swept(choose_run(store, run), asked)
    if asked["heat_map"] is not None:
        _draw_heat_map(found, asked)
    if as_json:
        write(view(found))
    else:
        screen = Screen()
        draw(found, screen, top=asked["top"])
        if asked["heat_map"] is not None:
            screen.text(f"Heat map: {safe(asked['heat_map'])}")
    if found.failed:
        raise click.exceptions.Exit(NOT_CLEAN)


def _swept(recording: Any, asked: Mapping[str, Any]) -> Sweep:
    from capture.study.grid import Grid
    from capture.study.sweep import sweep

    if asked["resume"] and not asked["workflow_id"]:
        raise ConfigError("resume", True, "name the sweep: --id ID")
    grid = Grid(_grid(asked["grid_file"], asked["said"]))
    points = grid if asked["sample"] is None else grid.sample(asked["sample"], seed=asked["seed"])
    filters = {name: asked[name] for name in _FILTERS if asked[name]}
    return sweep(
        recording,
        points,
        by=asked["by"],
        strategies=asked["strategies"] or None,
        filters=filters,
        event_driven=asked["event_driven"],
        results=asked["results"],
        workflow_id=asked["workflow_id"],
        resume=asked["resume"],
        executor=asked["executor"],
        workers=asked["workers"],
        keep=asked["keep"],
        progress=lambda _phase, count: progress(plural(count, "trial"), count),
    )


def _grid(place: Path | None, said: Sequence[str]) -> dict[str, Any]:
    from capture.study.reading import read

    found: dict[str, Any] = {}
    if place is not None:
        found |= read(place).values
    for one in said:
        name, equals, values = one.partition("=")
        if not equals or not name.strip() or not values.strip():
            raise ConfigError("set", one, "write a setting and its values: --set size=1,2,5")
        found[name.strip()] = [_value(value) for value in values.split(",")]
    if not found:
        raise ConfigError("set", None, "name a setting and its values: --set size=1,2,5")
    return found


def _value(said: str) -> Any:
    """Return a value as YAML would read it, so far as settings go."""
    word = said.strip()
    known = {"true": True, "false": False, "none": None, "null": None}
    if word.lower() in known:
        return known[word.lower()]
    for kind in (int, float):
        try:
            return kind(word)
        except ValueError:
            continue
    return word


def _draw_heat_map(found: Sweep, asked: Mapping[str, Any]) -> None:
    from capture.study.heatmap import write_heat_map

    rows = shown_rows(found, asked["top"])
    write_heat_map(found.heat_map(asked["x"], asked["y"]), asked["heat_map"], rows)
