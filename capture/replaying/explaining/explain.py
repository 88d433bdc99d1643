"""Every difference between the fills of two runs, in order, each led to its cause."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from capture.replaying.explaining.alone import Alone
from capture.replaying.explaining.matched import Pair
from capture.replaying.explaining.sides import Side
from capture.replaying.explaining.trips import paired, trips_of
from capture.replaying.explaining.worth import equity_gaps
from capture.replaying.source import Source
from capture.store.explanations import Cause, Explanation, Gap, Matched

if TYPE_CHECKING:
    from collections.abc import Mapping

    from capture.replaying.explaining.sides import Key, Leg
    from capture.replaying.slices import Slice

__all__ = ["explain"]

_COLLAPSED: Final = frozenset({"target", "signal"})


def explain(original: Slice, replayed: Slice) -> Explanation:
    """Match the fills of two runs one to one, and say where each difference comes from."""
    one = Side(original)
    other = Side(replayed, _names(original, replayed), _decisions(original))
    return _Explaining(one, other).made()


def _names(original: Slice, replayed: Slice) -> dict[str, str]:
    """Return what the replay calls a symbol; two runs of one symbol each speak of the same."""
    mine = sorted({row["symbol"] for row in original.table("signals", ("symbol",)).to_pylist()})
    theirs = replayed.recording.manifest["symbols"]
    return {theirs[0]: mine[0]} if len(mine) == len(theirs) == 1 else {}


def _decisions(original: Slice) -> dict[str, tuple[str | None, int | None]]:
    rows = original.table("signals", ("signal_id", "symbol", "bar_index")).to_pylist()
    return {row["signal_id"]: (row["symbol"], row["bar_index"]) for row in rows}


class _Explaining:
    """Goes through the fills of both runs in order."""

    def __init__(self, original: Side, replayed: Side) -> None:
        self._one, self._other = original, replayed
        self._source = replayed.of.recording.start.get("source") or {}
        self._gaps: list[Gap] = []
        self._of_legs: dict[int, list[int]] = {}
        self._parted: dict[str | None, int] = {}
        self._opening: dict[str | None, int] = {}
        self._targets = self._replayed_targets()
        self._matched = self._equal = 0

    def made(self) -> Explanation:
        """Return what was found."""
        one, other = self._one, self._other
        for _, then, now in self._in_order():
            if then is not None and now is not None:
                self._pair(then, now)
            elif then is not None:
                self._alone(one, other, then, missing=True)
            elif now is not None:
                self._alone(other, one, now, missing=False)
        pairs, trades = paired(trips_of(one.legs), trips_of(other.legs), self._of_legs)
        return Explanation(
            one.of.recording.run_id,
            other.of.recording.run_id,
            one.host,
            other.host,
            Matched(len(one.legs), len(other.legs), self._matched, self._equal),
            trades,
            tuple(self._gaps),
            pairs,
            equity_gaps(one, other),
        )

    def _in_order(self) -> list[tuple[tuple[int, int], Leg | None, Leg | None]]:
        waiting: dict[Key, list[Leg]] = {}
        for leg in self._other.legs:
            waiting.setdefault(leg.key, []).append(leg)
        rows: list[tuple[tuple[int, int], Leg | None, Leg | None]] = []
        for leg in self._one.legs:
            theirs = waiting.get(leg.key)
            found = next((t for t in theirs or () if t.side == leg.side), None)
            if found is not None and theirs is not None:
                theirs.remove(found)
            rows.append((_moment(leg), leg, found))
        rows += [(_moment(leg), None, leg) for rest in waiting.values() for leg in rest]
        return sorted(rows, key=lambda row: (row[0], not (row[1] or row[2]).closes))  # type: ignore[union-attr]

    def _add(self, gaps: list[Gap], *legs: Leg) -> None:
        numbers = range(len(self._gaps), len(self._gaps) + len(gaps))
        self._gaps += gaps
        for leg in legs:
            self._of_legs.setdefault(id(leg), []).extend(numbers)

    def _pair(self, then: Leg, now: Leg) -> None:
        opening = self._opening.get(then.symbol)
        number = len(self._gaps)
        found = Pair((self._one, then), (self._other, now), opening).gaps(number)
        found = [self._rooted(gap, found, number) for gap in found]
        self._matched += 1
        self._equal += not found
        self._add(found, then, now)
        if not then.closes:
            sizes = (number + n for n, gap in enumerate(found) if gap.column == "size")
            first = next(sizes, None)
            if first is not None:
                self._opening[then.symbol] = first
            elif not then.before and not now.before:
                self._opening.pop(then.symbol, None)

    def _rooted(self, gap: Gap, found: list[Gap], number: int) -> Gap:
        """Return a consequence as unexplained where what it follows from is."""
        if gap.cause != Cause.CONSEQUENCE or gap.follows is None:
            return gap
        root = self._gaps[gap.follows] if gap.follows < number else found[gap.follows - number]
        if root.cause == Cause.UNEXPLAINED:
            return replace(gap, cause=Cause.UNEXPLAINED, detail="what it follows from is")
        return gap

    def _alone(self, mine: Side, other: Side, leg: Leg, *, missing: bool) -> None:
        alone = Alone(
            mine,
            other,
            leg,
            _held_before(other, leg),
            leg.before,
            missing,
            self._source.get("mode") in _COLLAPSED,
            self._targets,
            bool(self._source.get("where") or self._source.get("boundaries")),
        )
        found = alone.found()
        follows = self._parted.get(leg.symbol) if found.follows else None
        cause, detail = found.cause, found.detail
        if found.follows and (follows is None or self._unexplained(follows)):
            cause, detail = Cause.UNEXPLAINED, "nothing explains that the positions differ"
        self._parted[leg.symbol] = len(self._gaps)
        if not leg.closes:
            self._opening[leg.symbol] = len(self._gaps)
        gap = Gap(
            symbol=leg.symbol,
            decision_bar=leg.decision,
            bar_index=leg.bar,
            closes=leg.closes,
            column="missing" if missing else "added",
            original=leg.units if missing else None,
            replayed=None if missing else leg.units,
            cause=cause,
            detail=detail,
            follows=follows,
        )
        self._add([gap], leg)

    def _unexplained(self, number: int) -> bool:
        return self._gaps[number].cause == Cause.UNEXPLAINED

    def _replayed_targets(self) -> Mapping[tuple[str | None, int | None], int] | None:
        """Return what was replayed, by symbol and bar; None if it was all that was recorded."""
        mode = self._source.get("mode")
        if mode not in _COLLAPSED:
            return None
        recording, strategy = self._one.of.recording, self._source.get("strategy_id") or ""
        source = Source(recording, mode, strategy)
        return {(t.symbol, t.bar_index): t.direction for t in source.targets}


def _moment(leg: Leg) -> tuple[int, int]:
    """Return where a leg comes in order.

    It is that of its decision. A price that was waited for comes before what was decided on the bar
    before: such an order finds nothing left to do.
    """
    if leg.waited:
        return leg.bar - 1, 0
    return (leg.bar, 2) if leg.decision is None else (leg.decision, 1)


def _held_before(side: Side, leg: Leg) -> float:
    """Return what a run holds before it comes to where the other one has a fill."""
    moment, held = _moment(leg), 0.0
    for one in side.legs:
        if one.symbol == leg.symbol and _moment(one) < moment:
            held += one.units
    return held
