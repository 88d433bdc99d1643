"""One signal: its whole context, and what became of it and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from capture.commands.terminal.document import plain, rows_of
from capture.commands.terminal.text import amount
from capture.commands.views.overview import TRADED
from capture.errors import RunNotFound

if TYPE_CHECKING:
    import pandas as pd

    from capture.store.recording import Recording

__all__ = ["fate", "run_of"]

_FOLLOWED: Final = ("statuses", "orders", "fills", "notes")
_UNTOLD: Final = "nothing was recorded of what became of it"


def run_of(signal: str) -> str | None:
    """Return the run that a signal's identity names, if it is one that the recorder made."""
    run_id, *numbers = signal.rsplit(".", 2)
    return run_id if len(numbers) == 2 and all(n.isdigit() for n in numbers) else None


def fate(recording: Recording, signal: str) -> dict[str, Any]:
    """Return a signal's context and everything that followed from it.

    Args:
        recording: the run.
        signal: the signal's identity, or its sequence number, with its part before it where
            there are several: `17`, or `0.17`.
    """
    found = _find(recording, signal)
    if found.empty:
        raise RunNotFound(
            recording.run_id,
            f"it has no signal {signal!r}",
            f"`capture export {recording.run_id} -o signals.csv` writes them all",
        )
    context = next(rows_of(found))
    followed = {table: list(rows_of(_belonging(recording, table, context))) for table in _FOLLOWED}
    segments = {part.number: part.segments for part in recording.parts}[context["part"]]
    of_strategy: dict[str, Any] = next(
        (s for s in segments if s["strategy_id"] == context["strategy_id"]), {}
    )
    return {
        "run_id": recording.run_id,
        "verdict": _verdict(context, followed, running=recording.state == "running"),
        "signal": context,
        "indicators": plain(of_strategy.get("indicators", {})),
        **followed,
    }


def _find(recording: Recording, signal: str) -> pd.DataFrame:
    part, _, seq = signal.rpartition(".")
    if seq.isdigit() and (part.isdigit() or not part):
        parts = [int(part)] if part else [p.number for p in recording.parts]
        if len(parts) > 1:
            raise RunNotFound(
                recording.run_id,
                f"it has {len(parts)} parts, and each may have a signal {seq}",
                f"name the part: --signal {parts[0]}.{seq}",
            )
        return recording.signals(where=[("part", "in", parts), ("seq", "=", int(seq))])
    return recording.signals(where=[("signal_id", "=", signal)])


def _belonging(recording: Recording, table: str, signal: dict[str, Any]) -> pd.DataFrame:
    read = getattr(recording, table)
    rows: pd.DataFrame = read(
        where=[("part", "=", signal["part"]), ("signal_seq", "=", signal["seq"])]
    )
    if rows.empty:  # a writer that knew the signal by its identity only
        rows = read(where=[("signal_id", "=", signal["signal_id"])])
    return rows


def _verdict(
    signal: dict[str, Any], followed: dict[str, list[dict[str, Any]]], *, running: bool
) -> str:
    """Answer "why did it not trade?" in one line."""
    disposition, reason = signal.get("disposition"), signal.get("reason")
    fills = followed["fills"]
    if fills:
        size = sum(fill["size"] for fill in fills)
        price = sum(fill["size"] * fill["price"] for fill in fills) / size if size else 0.0
        part = " in part" if disposition == "partially_filled" else ""
        return f"it traded{part}: {amount(size)} at {amount(price)}"
    if disposition in TRADED:
        return "it traded; its fill was not recorded"
    if disposition in (None, "generated"):
        return "nothing has become of it yet" if running else _UNTOLD
    last: dict[str, Any] = followed["statuses"][-1] if followed["statuses"] else {}
    by = f" by the {last['actor']}" if last.get("actor") else ""
    why = f": {reason}" if reason else ""
    detail = f" ({last['detail']})" if last.get("detail") else ""
    if disposition in ("passed_risk", "submitted"):
        return f"it did not trade; it got as far as {disposition}{why}{detail}"
    return f"it did not trade; it was {_said(disposition)}{by}{why}{detail}"


def _said(disposition: str) -> str:
    return {"expired": "left to expire", "error": "stopped by an error"}.get(
        disposition, disposition
    )
