"""Replaying the signals of a regime: which bars lie in it, and what happens at its boundaries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from capture.errors import ConfigError, NotReplayable, UnknownName, did_you_mean
from capture.index.changes import ClassifierChangeIndex
from capture.replaying.boundaries import (
    POLICIES,
    BoundaryPlan,
    Regimes,
    Step,
    by_symbol,
    plan,
    united,
)
from capture.replaying.intents import read_intents
from capture.replaying.slices import WHOLE, segment_of, strategy_of

if TYPE_CHECKING:
    from capture.replaying.boundaries import Policy
    from capture.store.recording import Conditions, Recording

    Wanted = str | Iterable[str] | Mapping[str, str | Iterable[str]]

__all__ = ["BoundaryAwareReplay", "Wanted"]

ONE_SIDED: Final = "one_sided_exits"
"""The flag of a run whose exits close positions of one side alone: that their orders are not of."""

OPPOSITE_ENTRIES: Final = "opposite_entries"
"""The flag that says what entries against the position were in a run, if they did not turn it."""


class BoundaryAwareReplay:
    """Replays the signals of a regime, with an explicit policy for positions at its boundaries.

    Attributes:
        regime: the states that are replayed, by name of the classifier; "" stands for the one
            that the recording names first. All of them must hold.
        policy: what happens to a position that is open when the regime ends.

    Example:
        ```python
        bulls = BoundaryAwareReplay(regime="bull", policy="force_flat")
        bulls.plan(recording).to_frame()  # the trades that were open across a boundary
        ```
    """

    def __init__(self, regime: Wanted, policy: Policy = "honour_exit") -> None:
        """Choose what is replayed.

        Args:
            regime: a state, several states, or states by the name of their classifier.
            policy: "honour_exit" lets the exits of positions that were opened inside happen,
                "force_flat" closes at the boundary, "carry" keeps the position until the regime
                is back, "block_reentry" honours exits and opens on fresh signals alone.
        """
        if policy not in POLICIES:
            hint = did_you_mean(str(policy), POLICIES)
            raise ConfigError("boundary", policy, f"choose one of {', '.join(POLICIES)}.{hint}")
        self.regime = _by_classifier(regime)
        self.policy: Policy = policy

    def __repr__(self) -> str:
        return f"BoundaryAwareReplay(regime={self.regime!r}, policy={self.policy!r})"

    def plan(
        self, recording: Recording, *, strategy: str | None = None, signals: Any = None
    ) -> BoundaryPlan:
        """Return which signals are replayed, what is added, and which trades cross a boundary.

        Args:
            recording: a run whose regimes were recorded.
            strategy: the strategy, where the recording holds several.
            signals: only these signals, by sequence number; by default all.
        """
        chosen = strategy_of(recording, strategy)
        part = int(segment_of(recording, chosen)["part"])
        steps = _steps(recording, part, None if chosen == WHOLE else chosen, signals)
        symbols = {symbol for mine in steps.values() for symbol in mine}
        known = _changes(recording, part, symbols)
        regimes = {symbol: self._regimes(recording, known[symbol]) for symbol in symbols}
        return united(
            plan(mine, regimes, self.policy, strategy_id=strategy_id)
            for strategy_id, mine in steps.items()
        )

    def _regimes(self, recording: Recording, known: Mapping[str, ClassifierChangeIndex]) -> Regimes:
        if not known:
            raise NotReplayable(
                recording.run_id,
                "no regimes were recorded",
                'record it once more with classifiers=["trend"]',
            )
        inside = None
        for name, states in self.regime.items():
            if name and name not in known:
                raise UnknownName("classifier of this recording", name, known)
            changes = known[name] if name else next(iter(known.values()))
            for state in states:
                if state not in changes.state_names:
                    raise UnknownName(f"state of {changes.name}", state, changes.state_names)
            ranges = changes.ranges(*states)
            inside = ranges if inside is None else inside & ranges
        assert inside is not None
        first = known[next(iter(self.regime)) or next(iter(known))]
        return Regimes(inside, first.state_at)


def _by_classifier(regime: Wanted) -> dict[str, tuple[str, ...]]:
    by_name: Mapping[str, Any] = regime if isinstance(regime, Mapping) else {"": regime}
    found = {
        name: (states,) if isinstance(states, str) else tuple(states)
        for name, states in by_name.items()
    }
    if not found or not all(found.values()):
        raise ConfigError("regime", regime, 'name a state, such as "bull"')
    return found


def _steps(
    recording: Recording, part: int, strategy_id: str | None, only: Any
) -> dict[str, dict[str | None, list[Step]]]:
    """Return the signals by strategy and symbol, in order."""
    columns = ["part", "seq", "symbol", "bar_index", "direction", "signal_type", "strategy_id"]
    mine: list[Any] = [("part", "=", part)]
    if strategy_id is not None:
        mine.append(("strategy_id", "=", strategy_id))
    rows = recording.table("signals", columns, mine)
    closes, wholly = _closed_by(recording, part)
    sides = _sides(recording, part)
    opposite = (recording.start.get("flags") or {}).get(OPPOSITE_ENTRIES, "reverse")
    wanted = None if only is None else set(only)
    found: dict[str, list[tuple[str | None, Step]]] = {}
    for row in rows.to_pylist():
        if wanted is not None and row["seq"] not in wanted:
            continue
        if row["bar_index"] is None:
            raise NotReplayable(
                recording.run_id,
                f"signal {row['seq']} has no bar, so that its regime is not known",
                "give signals a bar_index when they are recorded",
            )
        kind = row["signal_type"] or ("entry" if row["direction"] else "exit")
        if row["seq"] in wholly:
            kind = "exit"
        seq, direction = row["seq"], row["direction"]
        side = 0 if direction else sides.get(seq, 0)
        step = Step(seq, row["bar_index"], direction, kind, closes.get(seq), side, opposite)
        found.setdefault(row["strategy_id"], []).append((row["symbol"], step))
    return {strategy: by_symbol(steps) for strategy, steps in found.items()}


def _closed_by(recording: Recording, part: int) -> tuple[dict[int, int], set[int]]:
    """Return for each signal that closes one trade the signal that opened the trade.

    Beside it stand the signals of those that close the whole trade.
    """
    closing, wholly = {}, set()
    for intent in read_intents(recording, part=part):
        trade = intent.parent_id or ""
        if intent.action == "new" and trade.startswith("t") and intent.signal_seq is not None:
            closing[intent.signal_seq] = int(trade.removeprefix("t"))
            if intent.size in (None, 1):
                wholly.add(intent.signal_seq)
    if not closing:
        return {}, wholly
    where: Conditions = [("part", "=", part), ("effect", "=", "open")]
    fills = recording.table("fills", ["part", "trade_number", "signal_seq", "effect"], where)
    numbers, seqs = (fills.column(n).to_pylist() for n in ("trade_number", "signal_seq"))
    opened = dict(zip(numbers, seqs, strict=True))
    return {seq: opened[n] for seq, n in closing.items() if n in opened}, wholly


def _sides(recording: Recording, part: int) -> dict[int, int]:
    """Return the sides of orders by their signals, where each closes positions of one side."""
    if not (recording.start.get("flags") or {}).get(ONE_SIDED):
        return {}
    rows = recording.table("orders", ["part", "signal_seq", "side"], [("part", "=", part)])
    seqs, sides = (rows.column(name).to_pylist() for name in ("signal_seq", "side"))
    return dict(zip(seqs, sides, strict=True))


def _changes(
    recording: Recording, part: int, symbols: Iterable[str | None]
) -> dict[str | None, dict[str, ClassifierChangeIndex]]:
    """Return the changes of every classifier, by symbol; those of no symbol are for all.

    Of a symbol that was classified on several timeframes, they are those of its signals' one.
    """
    table = recording.table("regimes", where=[("part", "=", part)])
    rows = table.to_pylist() or _of_signals(recording, part)
    frames = _timeframes(recording, part)
    found: dict[str | None, dict[str, ClassifierChangeIndex]] = {one: {} for one in symbols}
    for row in rows:
        for symbol in found if row["symbol"] is None else [row["symbol"]]:
            if symbol in found and row["timeframe"] in (None, frames.get(symbol)):
                name = row["classifier"]
                index = found[symbol].setdefault(name, ClassifierChangeIndex(name))
                index.append_change(row["bar_index"], index.state, row["new"], row["confidence"])
    return found


def _timeframes(recording: Recording, part: int) -> dict[str | None, str | None]:
    columns = ["part", "symbol", "timeframe"]
    rows = recording.table("signals", columns, [("part", "=", part)])
    return {one["symbol"]: one["timeframe"] for one in rows.select(columns[1:]).to_pylist()}


def _of_signals(recording: Recording, part: int) -> list[dict[str, Any]]:
    """Return the changes of regime that signals tell, which were recorded with each of them."""
    columns = ["part", "symbol", "bar_index", "regime", "regime_confidence"]
    rows = recording.table("signals", columns, [("part", "=", part)]).to_pylist()
    present: dict[str | None, str | None] = {}
    found = []
    for row in rows:
        if row["regime"] is not None and row["regime"] != present.get(row["symbol"]):
            present[row["symbol"]] = row["regime"]
            said = {"classifier": "regime", "new": row["regime"], "timeframe": None}
            found.append({**row, **said, "confidence": row["regime_confidence"]})
    return found
