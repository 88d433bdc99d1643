"""Where a recording comes from: host, versions, fingerprints, settings, parameters."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from capture.report.model import Provenance

if TYPE_CHECKING:
    from collections.abc import Mapping

    from capture.store.recording import Recording

__all__ = ["provenance_of"]

_MOST_STRATEGIES: Final = 40


def provenance_of(recording: Recording, asked: Mapping[str, Any]) -> Provenance:
    """Return where a recording comes from, and by which filters its signals were chosen."""
    record = recording.manifest
    run = {name: record.get(name) for name in ("run_id", "kind", "state", "problem", "parent")}
    run |= {"strategy": record.get("strategy"), "seed": record.get("seed")}
    run |= {"started": record.get("started"), "ended": record.get("ended")}
    run |= {"backend": record.get("backend"), "parts": len(recording.parts)}
    versions = {
        "Python": record.get("python"),
        "platform": record.get("platform"),
        "signal-capture": record.get("capture"),
        str(record.get("host") or "host"): record.get("host_version"),
        **(record.get("libraries") or {}),
    }
    names = ("code_sha256", "config_sha256", "git_revision", "git_dirty", "sha256")
    titles = ("code", "configuration", "git revision", "uncommitted changes", "manifest")
    fingerprints = {title: record.get(name) for name, title in zip(names, titles, strict=True)}
    strategies = _strategies(recording)
    return Provenance(
        run=_said(run),
        versions=_said(versions),
        fingerprints=_said(fingerprints),
        settings=_said(record.get("settings") or {}),
        flags=_said(_flags(recording)),
        data=_data(recording),
        strategies=tuple(strategies[:_MOST_STRATEGIES]),
        strategies_left=max(len(strategies) - _MOST_STRATEGIES, 0),
        asked=_said(asked),
    )


def _flags(recording: Recording) -> dict[str, Any]:
    """Return what the recorder noticed of the run, or of any of its parts."""
    flags = dict(recording.manifest.get("flags") or {})
    for part in recording.parts:
        for name, value in ((part.record or {}).get("flags") or {}).items():
            flags.setdefault(name, value)
    return flags


def _data(recording: Recording) -> tuple[tuple[str, str, int, str], ...]:
    found = {
        ref["fingerprint"]: (
            str(ref["symbol"]),
            str(ref["timeframe"]),
            int(ref["rows"]),
            str(ref["fingerprint"]),
        )
        for part in recording.parts
        for ref in part.base
    }
    return tuple(found.values())


def _strategies(recording: Recording) -> list[tuple[str, str, str]]:
    found = {
        (
            str(segment["strategy_id"]),
            ", ".join(f"{name}={_text(value)}" for name, value in segment["params"].items()),
            ", ".join(map(str, segment["indicators"])),
        ): None
        for part in recording.parts
        for segment in part.segments
    }
    return list(found)


def _said(facts: Mapping[str, Any]) -> dict[str, str]:
    """Return facts as texts, without those that say nothing."""
    return {str(n): _text(v) for n, v in facts.items() if v is not None and v not in ("", [], {})}


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, default=str, ensure_ascii=False)
