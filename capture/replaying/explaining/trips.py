"""Trades as every backtester could count them: from flat to flat, or to the other side."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from capture.store.explanations import Matched, TradePair

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from capture.replaying.explaining.sides import Key, Leg

__all__ = ["Trip", "paired", "trips_of"]


@dataclass
class Trip:
    """A position from flat to flat, or to the other side; its legs in order."""

    legs: list[Leg] = field(default_factory=list)

    @property
    def key(self) -> Key:
        """What it is found by: its opening."""
        return self.legs[0].key

    @property
    def bars(self) -> tuple[int, int | None]:
        """Bars of entry and exit; no exit while it is open."""
        ends = self.legs[-1].closes and abs(sum(leg.units for leg in self.legs)) <= 1e-9 * max(
            abs(leg.units) for leg in self.legs
        )
        return self.legs[0].bar, self.legs[-1].bar if ends else None


def trips_of(legs: Iterable[Leg]) -> list[Trip]:
    """Return the trades of a run, in order of their entries."""
    made: list[Trip] = []
    running: dict[str | None, Trip] = {}
    for leg in legs:
        trip = running.get(leg.symbol)
        if trip is None or (trip.bars[1] is not None and not leg.closes):
            running[leg.symbol] = trip = Trip()
            made.append(trip)
        trip.legs.append(leg)
    return made


def paired(
    original: Sequence[Trip], replayed: Sequence[Trip], gaps: Mapping[int, Sequence[int]]
) -> tuple[tuple[TradePair, ...], Matched]:
    """Match trades by what opened them.

    Args:
        original: trades of the recorded run.
        replayed: trades of the replay.
        gaps: numbers of the differences of each leg, by the identity of the leg.
    """
    waiting: dict[tuple[Key, int], list[Trip]] = {}
    for trip in replayed:
        waiting.setdefault((trip.key, trip.legs[0].side), []).append(trip)
    pairs = []
    for trip in original:
        found = waiting.get((trip.key, trip.legs[0].side))
        pairs.append(_pair(trip, found.pop(0) if found else None, gaps))
    for rest in waiting.values():
        pairs.extend(_pair(None, trip, gaps) for trip in rest)
    both = [p for p in pairs if p.original_bars is not None and p.replayed_bars is not None]
    equal = sum(not pair.gaps for pair in both)
    return tuple(pairs), Matched(len(original), len(replayed), len(both), equal)


def _pair(one: Trip | None, other: Trip | None, gaps: Mapping[int, Sequence[int]]) -> TradePair:
    first = (one or other or Trip()).legs[0]
    legs = [leg for trip in (one, other) if trip is not None for leg in trip.legs]
    numbers = {number for leg in legs for number in gaps.get(id(leg), ())}
    return TradePair(
        symbol=first.symbol,
        direction=first.side,
        decision_bar=first.decision,
        original_bars=None if one is None else one.bars,
        replayed_bars=None if other is None else other.bars,
        gaps=tuple(sorted(numbers)),
    )
