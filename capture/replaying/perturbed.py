"""What a strategy wanted in two runs under different settings, and where that differs first."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Final

from capture.recorder.ending import OUT_OF_MONEY
from capture.replaying.intents import ORDER_WORDS, read_intents
from capture.replaying.parity import differ
from capture.replaying.slices import Slice, strategies_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from capture.store.recording import Recording

__all__ = ["SignalChange", "Wanted", "changed_settings", "first_change", "wanted_by"]

_RELATIVE: Final = frozenset({"portion", "target", "value"})
"""Sizes whose side follows from the position that is held, and not from what is wanted."""


@dataclass(frozen=True)
class Wanted:
    """One strategy in one run: everything that it wanted, in order.

    Attributes:
        key: what the same strategy is known by in another run.
        run_id: the run.
        steps: its signals, each with its order intents, and its cancels and edits.
        cut_short: whether the run ended before its data did, so that later steps are unknown.
    """

    key: tuple[str, ...]
    run_id: str
    steps: tuple[Mapping[str, Any], ...]
    cut_short: bool


@dataclass(frozen=True)
class SignalChange:
    """The first signal that a strategy gave otherwise under another setting.

    Attributes:
        perturbation: what was perturbed.
        settings: the host's settings that were changed by it, as "cash 10000 -> 100000".
        strategy_id: the strategy.
        bar_index: bar of the signal.
        timestamp: its time, ISO 8601 in UTC.
        signal_id: the signal in the unperturbed run; None if it is only in the perturbed one.
        original: what was wanted under the user's own settings; None if nothing was.
        perturbed: what was wanted under the perturbed ones; None if nothing was.
    """

    perturbation: str
    settings: tuple[str, ...]
    strategy_id: str
    bar_index: int | None
    timestamp: str | None
    signal_id: str | None
    original: Mapping[str, Any] | None
    perturbed: Mapping[str, Any] | None

    def __str__(self) -> str:
        when = f" ({self.timestamp})" if self.timestamp else ""
        return (
            f"{self.strategy_id}, bar {self.bar_index}{when}: wanted "
            f"{_words(self.original)}, and with {', '.join(self.settings)} {_words(self.perturbed)}"
        )


def wanted_by(recordings: Iterable[Recording]) -> Iterator[Wanted]:
    """Yield what each strategy of each run wanted.

    The same strategy with the same parameters is known by how often it ran before.
    """
    seen: dict[tuple[str, ...], int] = {}
    for recording in recordings:
        for strategy_id, segment in strategies_of(recording).items():
            params = json.dumps(segment["params"], sort_keys=True, default=str)
            key = (str(recording.manifest["strategy"]), strategy_id, params)
            number = seen[key] = seen.get(key, 0) + 1
            yield Wanted(
                (*key, str(number)),
                recording.run_id,
                tuple(_steps(recording, strategy_id)),
                _cut_short(recording, segment["part"]),
            )


def _cut_short(recording: Recording, number: int) -> bool:
    record = next(part for part in recording.parts if part.number == number).record or {}
    reads = record.get("flags", {}).get("closed_loop") or ()
    return record.get("state") != "ended" or OUT_OF_MONEY in reads


def _steps(recording: Recording, strategy_id: str) -> Iterator[Mapping[str, Any]]:
    """Yield signals with their intents, and cancels and edits, in the order they were made in."""
    side = Slice(recording, strategy_id)
    names = ["seq", "signal_id", "symbol", "bar_index", "timestamp", "direction"]
    steps = {row["seq"]: {**row, "orders": []} for row in side.table("signals", names).to_pylist()}
    part = strategies_of(recording)[strategy_id]["part"]
    for intent in read_intents(recording, part=part):
        if intent.strategy_id not in (None, strategy_id):
            continue
        said = {name: getattr(intent, name) for name in ORDER_WORDS}
        if intent.action == "new" and intent.signal_seq in steps:
            steps[intent.signal_seq]["orders"].append(said)
        else:
            place = {"symbol": intent.symbol, "bar_index": intent.bar_index}
            steps[intent.seq] = {"signal_id": intent.signal_id, **place, "orders": [said]}
    return iter([steps[seq] for seq in sorted(steps)])


def first_change(
    original: Wanted, perturbed: Wanted, perturbation: str, settings: tuple[str, ...]
) -> SignalChange | None:
    """Return the first step that is not the same in both runs; None if none is known to differ."""
    for was, became in zip_longest(original.steps, perturbed.steps):
        if (was is None and original.cut_short) or (became is None and perturbed.cut_short):
            return None  # nobody knows what it would have wanted there
        if was is None or became is None or _differ(was, became):
            step = _earlier(was, became)
            when = step.get("timestamp")
            return SignalChange(
                perturbation,
                settings,
                original.key[1],
                step["bar_index"],
                None if when is None else when.isoformat(),
                None if was is None else was["signal_id"],
                None if was is None else _said(was),
                None if became is None else _said(became),
            )
    return None


def _earlier(was: Mapping[str, Any] | None, became: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """Return the step that comes first: where one is left out, the next one is later."""
    known = [step for step in (was, became) if step is not None]
    return min(known, key=lambda step: step["bar_index"] or 0)


def _differ(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    mine, theirs = _compared(one), _compared(other)
    return len(mine) != len(theirs) or any(map(differ, mine, theirs))


def _compared(step: Mapping[str, Any]) -> list[Any]:
    """Return what must be equal: not what follows from the position, nor what became of it."""
    values = [step["symbol"], step["bar_index"]]
    if not any(order["size_kind"] in _RELATIVE for order in step["orders"]):
        values.append(step.get("direction"))
    for order in step["orders"]:
        relative = order["size_kind"] in _RELATIVE
        values += [value for name, value in order.items() if not (relative and name == "side")]
    return values


def _said(step: Mapping[str, Any]) -> dict[str, Any]:
    """Return a step as plain values, without what it does not say."""
    orders = [
        {name: value for name, value in order.items() if value is not None and value == value}
        for order in step["orders"]
    ]
    said = {name: step.get(name) for name in ("symbol", "bar_index", "direction")}
    return {**{n: v for n, v in said.items() if v is not None}, "orders": orders}


def _words(said: Mapping[str, Any] | None) -> str:
    if said is None:
        return "nothing"
    orders = [
        " ".join(f"{name} {value}" for name, value in order.items() if name != "action")
        for order in said["orders"]
    ]
    what = "; ".join(orders) or f"direction {said.get('direction')}"
    return f"({what}) at bar {said['bar_index']}"


def changed_settings(original: Mapping[str, Any], perturbed: Mapping[str, Any]) -> tuple[str, ...]:
    """Return which settings differ, as a person reads them."""
    return tuple(
        f"{name} {original.get(name)!r} -> {perturbed.get(name)!r}"
        for name in sorted(original.keys() | perturbed.keys())
        if original.get(name) != perturbed.get(name)
    )
