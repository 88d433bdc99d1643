"""What recording a run cost: rows, bytes, seconds, and what was refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from capture.commands.views.overview import counts_of, tally

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from capture.store.recording import Recording

__all__ = ["cost"]


def cost(recording: Recording) -> dict[str, Any]:
    """Return the cost of a run; what only the sealed parts know is summed over those."""
    sealed = [part.record for part in recording.parts if part.record is not None]
    counts = counts_of(recording)
    size, signals = _size_of(recording.path), counts.get("signals", 0)
    return {
        "run_id": recording.run_id,
        "state": recording.state,
        "parts": len(recording.parts),
        "recorder": _summed([record["statistics"] for record in sealed]),
        "bytes": size,
        "bytes_per_signal": size / signals if signals else None,
        "base_bytes": _base_bytes(recording),
        "tables": _tables(counts, sealed),
        "quarantine": _quarantine(recording) if counts.get("quarantine") else [],
        "plugin_failures": recording.manifest.get("plugin_failures") or {},
    }


def _summed(statistics: list[Mapping[str, Any]]) -> dict[str, Any]:
    total: dict[str, Any] = {}
    for said in statistics:
        for name, value in said.items():
            if isinstance(value, (int, float)):
                total[name] = total.get(name, 0) + value
    return total


def _size_of(folder: Path) -> int:
    size = 0
    for path in folder.rglob("*"):
        try:
            size += path.stat().st_size if path.is_file() else 0
        except FileNotFoundError:  # a part that was sealed this moment
            continue
    return size


def _base_bytes(recording: Recording) -> int:
    fingerprints = {ref["fingerprint"] for part in recording.parts for ref in part.base}
    layout = recording.store.layout
    return sum(_size_of(layout.base_data(fingerprint)) for fingerprint in fingerprints)


def _tables(counts: Mapping[str, int], sealed: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return rows and bytes by table; bytes where a file holds that table alone."""
    sizes: dict[str, int] = {}
    for record in sealed:
        for file in record["files"]:
            if len(file["tables"]) == 1:
                table = file["tables"][0]
                sizes[table] = sizes.get(table, 0) + file["bytes"]
    return [{"table": n, "rows": rows, "bytes": sizes.get(n)} for n, rows in counts.items()]


def _quarantine(recording: Recording) -> list[dict[str, Any]]:
    names = ["kind", "field", "problem"]
    return [
        {**dict(zip(names, values, strict=True)), "events": events}
        for values, events in tally(recording.quarantine(columns=names)[names])
    ]
