"""The stop record of a run: made from its start record and the records of its parts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from capture.events import RunState
from capture.store.layout import FORMAT_VERSION, part_name
from capture.store.provenance import git_dirty
from capture.store.records import HASH, now_text, plain
from capture.store.signing import sign

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["manifest_of", "sign_if_asked"]

_FROM_START: Final = (
    "run_id",
    "kind",
    "parent",
    "source",
    "host",
    "host_version",
    "strategy",
    "started",
    "backend",
    "code_sha256",
    "config_sha256",
    "git_revision",
    "params",
    "settings",
    "config",
    "seed",
    "libraries",
    "capture",
    "python",
    "implementation",
    "platform",
)

# The worse state of a part is the run's.
_WORST_FIRST: Final = (RunState.QUARANTINED, RunState.RECOVERED, RunState.FAILED)


def manifest_of(
    start: Mapping[str, Any],
    parts: Mapping[int, Mapping[str, Any]],
    state: RunState,
    *,
    problem: str | None,
    flags: Mapping[str, Any] | None,
    recovered: bool,
) -> dict[str, Any]:
    """Return the manifest of a run that ends now; it still has no hash of itself.

    A run that somebody else recovers cannot say whether its working folder was dirty.
    """
    folder = start.get("working_folder")
    dirty = None if recovered or folder is None else git_dirty(Path(folder))
    said = {name: start.get(name) for name in _FROM_START}
    every = list(parts.values())
    return {
        **said,
        "format": FORMAT_VERSION,
        "run_sha256": start[HASH],
        "git_dirty": dirty,
        "ended": _last_sign_of_life(start, every) if recovered else now_text(),
        "recovered": now_text() if recovered else None,
        "state": _state_of(state, every),
        "problem": problem or next((p["problem"] for p in every if p["problem"]), None),
        "flags": _flags_of(start, every, flags),
        "counts": {**_counts_of(every), "trials": _trials_of(start, every)},
        "symbols": sorted({symbol for part in every for symbol in part["symbols"]}),
        "base": sorted({ref["fingerprint"] for part in every for ref in part["base"]}),
        "plugin_failures": _summed(part["plugin_failures"] for part in every),
        "parts": [_summary(number, part) for number, part in sorted(parts.items())],
    }


def _last_sign_of_life(start: Mapping[str, Any], parts: Iterable[Mapping[str, Any]]) -> str:
    """Return when a run that somebody else ends was last seen at work."""
    seen = [str(part["last_event"]) for part in parts if part["last_event"]]
    return max([str(start["started"]), *seen])


def _state_of(state: RunState, parts: Iterable[Mapping[str, Any]]) -> str:
    states = {state.value, *(part["state"] for part in parts)}
    return next((worst.value for worst in _WORST_FIRST if worst.value in states), state.value)


def _flags_of(
    start: Mapping[str, Any],
    parts: Iterable[Mapping[str, Any]],
    flags: Mapping[str, Any] | None,
) -> dict[str, Any]:
    merged: dict[str, Any] = dict(start.get("flags") or {})
    for part in parts:
        for name, value in part["flags"].items():
            # What holds for one part holds for the run: a closed loop in one closes it for all.
            merged[name] = merged.get(name) or value
    return {**merged, **plain(flags or {})}


def _counts_of(parts: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    counts: dict[str, int] = {"signals": 0, "orders": 0, "fills": 0}
    for part in parts:
        for name, table in part["tables"].items():
            counts[name] = counts.get(name, 0) + table["rows"]
    return counts


def _trials_of(start: Mapping[str, Any], parts: Iterable[Mapping[str, Any]]) -> int:
    """Return how many different parameter sets were tried; a replay tries none."""
    if start["kind"] == "replay":
        return 0
    return len({_trial(part["segments"]) for part in parts if part["segments"]})


def _trial(segments: Iterable[Mapping[str, Any]]) -> frozenset[tuple[Any, ...]]:
    """Return what tells one parameter set from another: 5 and 5.0 are the same."""
    return frozenset(
        (segment["strategy_id"], name, repr(value) if isinstance(value, (list, dict)) else value)
        for segment in segments
        for name, value in [("", None), *segment["params"].items()]
    )


def _summed(failures: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    summed: dict[str, Any] = {}
    for part in failures:
        for name, value in part.items():
            known = summed.get(name)
            both = isinstance(known, int) and isinstance(value, int)
            summed[name] = known + value if both else value
    return summed


def _summary(number: int, part: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "part": number,
        "folder": part_name(number),
        "state": part["state"],
        "sha256": part[HASH],
        "rows": {name: table["rows"] for name, table in part["tables"].items()},
        "first_seq": part["first_seq"],
        "last_seq": part["last_seq"],
        "heads": {name: chain["head"] for name, chain in part["chains"].items()},
    }


def sign_if_asked(manifest: dict[str, Any], key: str | Path | None) -> dict[str, Any]:
    """Return the manifest, signed if there is a key."""
    return manifest if key is None else {**manifest, "signature": sign(plain(manifest), Path(key))}
