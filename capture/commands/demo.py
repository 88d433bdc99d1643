"""`capture demo`: a strategy of the built-in backtester, recorded, shown and verified."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

import click

from capture.commands.show import dispositions_table, told
from capture.commands.terminal.document import write
from capture.commands.terminal.screen import Screen
from capture.commands.terminal.text import amount, count, duration, plural, safe
from capture.commands.verify import draw as draw_verification
from capture.commands.views.fate import fate
from capture.commands.views.overview import counts_of, dispositions, first_and_last, traded
from capture.commands.views.signals import signals_table
from capture.commands.words import NOT_CLEAN, json_option, verb

if TYPE_CHECKING:
    from collections.abc import Mapping

    from capture.store.recording import Recording

__all__ = ["command"]

_STORE: Final = "capture-demo"
_SHOWN: Final = 6


@verb("demo", status="1 the recording is corrupt, 2 it could not run")
@click.option(
    "--store", metavar="PATH", default=_STORE, show_default=True, help="Folder to record into."
)
@click.option(
    "--data", metavar="FILE", help="CSV, Parquet or Feather file of bars.  [default: made up]"
)
@json_option
def command(store: str, data: str | None, as_json: bool) -> None:
    """Record a strategy, and look at what was captured.

    It runs on the built-in backtester, and needs nothing else. The prices are made from a fixed
    seed, or are your own: columns open, high, low, close, and one of times.
    """
    from capture import demo
    from capture.store.store import open_store
    from capture.store.verify import verify

    screen = Screen()
    feed = demo.bars(data)
    if not as_json:
        _announce(screen, feed, data, store)
    started = perf_counter()
    demo.record(store, feed)
    seconds = perf_counter() - started
    opened = open_store(store)
    recording = opened.latest()
    view = {"store": store, "seconds": seconds, **_view(recording)}
    found = verify(opened, recording.run_id)
    if as_json:
        write({**view, "ok": found.ok})
    else:
        _draw(view, recording, screen)
        screen.heading("Is it still what was recorded?")
        draw_verification(found, screen)
        _draw_next(view, screen)
    if not found.ok:
        raise click.exceptions.Exit(NOT_CLEAN)


def _announce(screen: Screen, feed: Any, data: str | None, store: str) -> None:
    where = "made from a fixed seed" if data is None else f"of {safe(feed.symbol)}"
    bars = f"{count(len(feed))} bars ({safe(feed.timeframe)}) {where}"
    screen.text(f"An SMA cross of the built-in backtester on {bars}, recorded by one line:")
    screen.text()
    line = f'Backtest(prices, capture.wrap(PatientCross, store="{safe(store)}")).run()'
    screen.text(f"  {line}", "bold")
    screen.text()
    screen.flush()


def _view(recording: Recording) -> dict[str, Any]:
    """Return what the demo shows."""
    equity = recording.equity(columns=["equity"])["equity"].dropna()
    return {
        "run_id": recording.run_id,
        "counts": counts_of(recording),
        "dispositions": dispositions(recording),
        "equity": {"first": equity.iloc[0], "last": equity.iloc[-1], "lowest": equity.min()}
        if len(equity)
        else None,
        "refused": _refused(recording),
    }


def _refused(recording: Recording) -> dict[str, Any] | None:
    """Return a signal that the broker refused, and why: one that the account could not pay for."""
    of = ["seq", "signal_id", "timestamp"]
    short = ("reason", "=", "insufficient_cash")
    for where in ([short, ("position_before", "=", 0.0)], [("disposition", "=", "rejected")]):
        refused = recording.signals(columns=of, where=where)
        if len(refused):
            signal = refused.iloc[0]
            found = fate(recording, str(signal["signal_id"]))
            return {"seq": int(signal["seq"]), "day": found["signal"]["timestamp"][:10], **found}
    return None


def _draw(view: Mapping[str, Any], recording: Recording, screen: Screen) -> None:
    first, _ = first_and_last(recording, _SHOWN)
    equity = view["equity"]
    screen.facts(
        {
            "run": safe(view["run_id"]),
            "took": duration(view["seconds"]),
            "captured": told(view["counts"]),
            "equity": f"{equity['first']:,.0f} at first, {equity['last']:,.0f} at last, "
            f"{equity['lowest']:,.0f} at its lowest"
            if equity
            else "",
        }
    )
    screen.heading(f"The first {plural(len(first), 'signal')}, with their context and their fate")
    screen.table(signals_table(first))
    ends = view["dispositions"]
    signals = sum(end["signals"] for end in ends)
    screen.heading(f"What became of all {signals:,}; {traded(ends):,} traded")
    screen.table(dispositions_table(ends))
    if view["refused"]:
        _draw_refused(view["refused"], screen)


def _draw_refused(refused: Mapping[str, Any], screen: Screen) -> None:
    signal = refused["signal"]
    screen.heading(f"Why did signal {refused['seq']} of {refused['day']} not trade?")
    verdict = safe(refused["verdict"])
    screen.text(f"{verdict[:1].upper()}{verdict[1:]}.", "yellow")
    if signal.get("reason") == "insufficient_cash":
        screen.text(short_of(signal, next(iter(refused["orders"]), {})))


def short_of(signal: Mapping[str, Any], order: Mapping[str, Any]) -> str:
    """Say what an order needed, what the account had for it, and why that was not enough.

    Cash is not the measure: what a short sale brought in is owed for the shares.
    """
    names = ("capital_available", "portfolio_equity", "market_close", "position_before")
    cash, equity, price, held = (signal.get(name) for name in names)
    size = order.get("size")
    if not size or cash is None or equity is None or price is None:
        return ""
    held, wanted = held or 0.0, abs(size)
    if held * signal["direction"] > 0:  # more of what is there
        wanted += abs(held)
    needed, owed = wanted * price, abs(held) * price
    if held < 0:
        had = (
            f"of the {cash:,.0f} in cash {owed:,.0f} are owed for {amount(-held)} shares sold short"
        )
    elif held > 0:
        had = f"{cash:,.0f} in cash and {amount(held)} shares"
    else:
        had = "all of it cash"
    lacks = (
        f"about {needed - equity:,.0f} too little"
        if needed > equity
        else "with costs, at the price of the fill, that was not enough"
    )
    verb = "It wanted" if held == 0 else "It wanted to hold"
    return (
        f"{verb} {amount(wanted)} shares, which cost about {needed:,.0f} that day. "
        f"The account was worth {equity:,.0f} ({had}): {lacks}."
    )


def _draw_next(view: Mapping[str, Any], screen: Screen) -> None:
    program, store = _program(), shlex.quote(view["store"])
    refused = view["refused"]
    lines = [
        f"{program} show --store {store}",
        f"{program} show --store {store} --signal {refused['seq']}" if refused else "",
        f"{program} export --store {store} -o signals.csv",
        f"{_python()} -c {shlex.quote(_reading(view['store']))}",
    ]
    screen.heading("What next")
    for line in filter(None, lines):
        screen.text(f"  {line}")
    screen.text()
    screen.text('Then wrap a strategy of your own: capture.wrap(YourStrategy, store="signals")')


def _reading(store: str) -> str:
    return f"import capture; print(capture.open({json.dumps(store)}).latest().signals())"


def _program() -> str:
    """Return what the user types for this command: it may not be on the PATH."""
    ours = Path(sys.argv[0])
    if ours.name == "__main__.py":
        return f"{_python()} -m capture"
    found = shutil.which("capture")
    if found and Path(found).resolve() == ours.resolve():
        return "capture"
    return shlex.quote(str(_nearby(ours)))


def _python() -> str:
    """Return what the user types for this Python."""
    for name in ("python", "python3"):
        found = shutil.which(name)
        if found and Path(found).absolute().parent == Path(sys.executable).absolute().parent:
            return name
    return shlex.quote(str(_nearby(Path(sys.executable))))


def _nearby(path: Path) -> Path:
    try:
        return path.absolute().relative_to(Path.cwd())
    except ValueError:
        return path
