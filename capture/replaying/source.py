"""A recording, ready to be replayed: filtered, and with what must be checked on the way."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from capture.errors import ClosedLoop, DataMismatch, NotReplayable
from capture.events import Reason
from capture.filters import Predicate
from capture.replaying.intents import Intent, planned, read_intents
from capture.replaying.parity import differ
from capture.replaying.slices import WHOLE, segment_of
from capture.replaying.targets import MOVES, Target, moves_of, targets_of
from capture.store.base import fingerprint
from capture.store.run import RunStart

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from capture.config import SignalCaptureConfig
    from capture.contracts.replay import ReplayMode
    from capture.replaying.boundaries import BoundaryPlan
    from capture.replaying.regimes import BoundaryAwareReplay
    from capture.store.recording import Recording

__all__ = ["Divergence", "Source"]

CLOSED_LOOP: Final = "closed_loop"
"""The flag of a run whose strategy looked at its portfolio; it lists what was read."""

_MARKET: Final = ("timestamp", "open", "high", "low", "close", "volume")


@dataclass(frozen=True)
class Divergence:
    """The first signal at which the replayed position is not the captured one."""

    bar_index: int
    signal_id: str | None
    captured: float
    replayed: float

    def __str__(self) -> str:
        return (
            f"from bar {self.bar_index} on the replay differs: position {self.replayed:g}, "
            f"captured was {self.captured:g} (signal {self.signal_id})"
        )


@dataclass
class Source:
    """Fulfils `capture.contracts.replay.ReplaySource`."""

    recording: Recording
    mode: ReplayMode
    strategy_id: str
    forced: bool = False
    config: SignalCaptureConfig | None = None
    where: Sequence[Any] = ()
    boundaries: BoundaryAwareReplay | None = None
    divergence: Divergence | None = field(default=None, init=False)

    @property
    def run_id(self) -> str:
        """Identity of the recorded run."""
        return self.recording.run_id

    @property
    def host(self) -> str:
        """The backtester that it was recorded in."""
        return str(self.recording.manifest["host"])

    @property
    def strategy(self) -> str:
        """Name of the strategy."""
        return str(self.recording.manifest["strategy"])

    @cached_property
    def part(self) -> int:
        """The part that holds the strategy's signals."""
        return int(self._segment["part"])

    @property
    def params(self) -> Mapping[str, Any]:
        """The strategy's parameters."""
        params: Mapping[str, Any] = self._segment["params"]
        return params

    @property
    def settings(self) -> Mapping[str, Any]:
        """The host's settings when it was recorded."""
        settings: Mapping[str, Any] = self.recording.manifest["settings"]
        return settings

    @cached_property
    def flags(self) -> Mapping[str, Any]:
        """What the recorder noted of the run."""
        record = next(p for p in self.recording.parts if p.number == self.part).record
        return {**self.recording.manifest.get("flags", {}), **(record or {}).get("flags", {})}

    @property
    def base(self) -> Sequence[Mapping[str, Any]]:
        """References to the bars that it was recorded on."""
        return next(p for p in self.recording.parts if p.number == self.part).base

    @cached_property
    def _segment(self) -> Mapping[str, Any]:
        return segment_of(self.recording, self.strategy_id)

    # --- what is replayed --------------------------------------------------------------------

    @cached_property
    def intents(self) -> tuple[Intent, ...]:
        """The recorded calls, in order; whole signals are left out, never single orders."""
        every = read_intents(self.recording, part=self.part)
        whole = self.strategy_id == WHOLE
        mine = [i for i in every if whole or i.strategy_id in (None, self.strategy_id)]
        if self.plan is not None:
            return tuple(planned(mine, self.plan))
        kept = self._kept
        return tuple(
            i for i in mine if kept is None or i.signal_seq is None or i.signal_seq in kept
        )

    @cached_property
    def plan(self) -> BoundaryPlan | None:
        """What is replayed of a regime, and what happens at its boundaries; None without one."""
        if self.boundaries is None:
            return None
        return self.boundaries.plan(self.recording, strategy=self.strategy_id, signals=self._kept)

    @cached_property
    def _kept(self) -> frozenset[int] | None:
        """The signals that meet the conditions; None if there are none."""
        if not self.where:
            return None
        frame = self.recording.signals(where=self.where)
        return frozenset(frame.loc[frame["part"] == self.part, "seq"].tolist())

    @cached_property
    def targets(self) -> tuple[Target, ...]:
        """The recorded calls collapsed to wanted positions, or the signals' own directions."""
        if self.mode == "signal":
            return self._signals
        return targets_of(self.intents, moves_of(self.stored("fills", MOVES)), self._positions)

    @property
    def _signals(self) -> tuple[Target, ...]:
        """Return the signals as targets: direction, and strength as size where there is one."""
        frame = self.recording.signals(where=self.where)
        frame = frame[frame["part"] == self.part]
        if self.strategy_id != WHOLE:
            frame = frame[frame["strategy_id"] == self.strategy_id]
        orders = {i.signal_seq: i.callback for i in self.intents if i.action == "new"}
        plan = self.plan
        closed: frozenset[int] = frozenset() if plan is None else plan.closed
        if plan is not None:
            frame = frame[frame["seq"].isin(plan.kept | closed)]
        rows = zip(
            frame["seq"].tolist(),
            frame["bar_index"].tolist(),
            frame["symbol"].tolist(),
            frame["direction"].tolist(),
            frame["strength"].tolist(),
            strict=True,
        )
        targets = [
            Target(
                seq,
                bar,
                orders.get(seq),
                symbol,
                0 if seq in closed else int(direction),
                None if strength != strength or strength is None else abs(strength),
                None if strength != strength or strength is None else "fraction",
            )
            for seq, bar, symbol, direction, strength in rows
        ]
        for symbol, bar, _ in () if plan is None else plan.flattened:
            targets.append(Target(None, bar, None, symbol, 0, None, None))
        return tuple(targets)

    @property
    def narrowed(self) -> bool:
        """Whether the intents are others than were recorded, because of conditions or regimes."""
        return bool(self.where) or self.boundaries is not None

    def stored(self, table: str, columns: Sequence[str]) -> pa.Table:
        """Return rows of the replayed part as they were stored, whatever is left out."""
        rows = self.recording.table(table, [*columns, "part"], [("part", "=", self.part)])
        return rows.select([name for name in columns if name in rows.column_names])

    def bars(self) -> Mapping[str, pa.Table]:
        """Return the bars that the part was recorded on, by symbol.

        Of targets, only those of what is traded: another backtester need not have what a strategy
        merely looked at, such as the same bars resampled.
        """
        store = self.recording.store
        return {ref["symbol"]: store.base_data(ref["fingerprint"]).bars for ref in self.traded}

    @cached_property
    def traded(self) -> Sequence[Mapping[str, Any]]:
        """References to the bars that a replay needs; to all of them where nothing is traded."""
        if self.mode == "intent":
            return self.base
        symbols = {target.symbol for target in self.targets}
        return [ref for ref in self.base if ref["symbol"] in symbols] or self.base

    def series(self) -> Mapping[tuple[str, str], pa.Table]:
        """Return the same by symbol and timeframe, where a strategy saw several of a symbol."""
        store = self.recording.store
        return {
            (ref["symbol"], ref["timeframe"]): store.base_data(ref["fingerprint"]).bars
            for ref in self.base
        }

    @cached_property
    def refused(self) -> frozenset[int]:
        """Signals whose order the host refused with an error."""
        where = [("part", "=", self.part), ("reason", "=", Reason.INVALID_ORDER.value)]
        rows = self.recording.table("statuses", ["part", "signal_seq", "reason"], where)
        return frozenset(rows.column("signal_seq").to_pylist())

    @cached_property
    def openers(self) -> Mapping[int, int]:
        """By the number of a trade, the sequence number of the order that opened it."""
        where = [("part", "=", self.part), ("effect", "=", "open")]
        rows = self.recording.table("fills", ["part", "trade_number", "order_seq", "effect"], where)
        numbers = rows.column("trade_number").to_pylist()
        return dict(zip(numbers, rows.column("order_seq").to_pylist(), strict=True))

    # --- what is checked ---------------------------------------------------------------------

    def check_filters(self) -> None:
        """Raise what is wrong with conditions and regimes now, and not when the host runs."""
        if self.where or self.boundaries is not None:
            _ = self.intents

    def check_settings(self, settings: Mapping[str, Any]) -> None:
        """Refuse other settings where the strategy looked at its portfolio."""
        reads = self.flags.get(CLOSED_LOOP)
        if not reads or self.forced:
            return
        mine = self.settings
        changed = sorted(
            f"{name} {mine.get(name)!r} -> {settings.get(name)!r}"
            for name in mine.keys() | settings.keys()
            if mine.get(name) != settings.get(name)
        )
        changed += self._left_out
        if changed:
            raise ClosedLoop(self.run_id, reads, changed)

    @property
    def _left_out(self) -> list[str]:
        """What is replayed differently from how it was recorded, whatever the host's settings."""
        found = [f"only signals with {_said(condition)}" for condition in self.where]
        return found if self.boundaries is None else [*found, f"only {self.boundaries!r}"]

    def check_bars(
        self, bars: pa.Table, *, symbol: str | None = None, timeframe: str | None = None
    ) -> None:
        """Refuse bars that are not those of the recording."""
        refs = [
            ref
            for ref in (self.traded if symbol is None else self.base)
            if symbol in {None, ref["symbol"]} and timeframe in {None, ref["timeframe"]}
        ]
        if not refs:
            raise NotReplayable(
                self.run_id, f"it holds no bars of {symbol or 'its data'}", "record it again"
            )
        ref = refs[0]
        if "available_time" not in ref["columns"]:  # bars that the user handed to the recorder
            bars = bars.select([n for n in bars.column_names if n != "available_time"])
        now = fingerprint(bars, symbol=ref["symbol"], timeframe=ref["timeframe"])
        if now == ref["fingerprint"] or (self.mode != "intent" and self._same_market(ref, bars)):
            return
        raise DataMismatch(self.run_id, self._difference(ref, bars))

    def _same_market(self, ref: Mapping[str, Any], bars: pa.Table) -> bool:
        """Say whether times and prices are the same.

        Another backtester may know more of its bars, keep volume as another kind of number, see
        otherwise when a bar became known, and lose the last digits of a price where it stores it.
        """
        was = self.recording.store.base_data(ref["fingerprint"]).bars
        shared = [n for n in _MARKET if n in was.column_names and n in bars.column_names]
        return was.num_rows == bars.num_rows and all(
            _is_close(a, b)
            for name in shared
            for a, b in zip(
                was.column(name).to_pylist(), bars.column(name).to_pylist(), strict=True
            )
        )

    def _difference(self, ref: Mapping[str, Any], bars: pa.Table) -> str:
        was = self.recording.store.base_data(ref["fingerprint"]).bars
        if was.num_rows != bars.num_rows:
            return f"{was.num_rows} bars then, {bars.num_rows} now"
        for name in was.column_names:
            if name not in bars.column_names:
                return f"column {name} is missing"
            then, now = was.column(name).to_pylist(), bars.column(name).to_pylist()
            place = next(
                (i for i, (a, b) in enumerate(zip(then, now, strict=True)) if differ(a, b)), None
            )
            if place is not None:
                return f"{name} of bar {place} was {then[place]} and is {now[place]}"
        extra = set(bars.column_names) - set(was.column_names)
        return f"new columns {', '.join(sorted(extra))}" if extra else "other column types"

    @cached_property
    def _positions(self) -> Mapping[int, float]:
        rows = self.recording.table(
            "signals", ["part", "seq", "position_before"], [("part", "=", self.part)]
        )
        held = rows.column("position_before").to_numpy()
        seqs = rows.column("seq").to_pylist()
        return {s: float(h) for s, h in zip(seqs, held, strict=True) if not np.isnan(h)}

    def reached(self, signal_seq: int, bar: int, position: float) -> None:
        """Note the first signal at which the position is not the captured one."""
        if self.divergence is None:
            captured = self._positions.get(signal_seq)
            if captured is not None and captured != position:
                self.divergence = Divergence(bar, self.source_id(signal_seq), captured, position)

    # --- what is recorded of the replay ------------------------------------------------------

    def start(self, **said: Any) -> RunStart:
        """Return the start record of the replay: its parent is the recorded run.

        Its source is the strategy that is replayed, the mode, what was left out, and whether the
        replay was forced.
        """
        source = {
            "strategy_id": self.strategy_id or None,
            "mode": self.mode,
            "where": [str(predicate) for predicate in self.where],
            "boundaries": None if self.boundaries is None else repr(self.boundaries),
            "forced": self.forced,
        }
        return RunStart(
            **{
                "strategy": self.strategy,
                "params": self.params,
                "kind": "replay",
                "parent": self.run_id,
                "source": source,
                **said,
            }
        )

    def source_id(self, signal_seq: int | None) -> str | None:
        """Return the identity of the recorded signal."""
        return None if signal_seq is None else self._ids.get(signal_seq)

    @cached_property
    def _ids(self) -> Mapping[int, str]:
        rows = self.recording.table(
            "signals", ["part", "seq", "signal_id"], [("part", "=", self.part)]
        )
        return dict(
            zip(rows.column("seq").to_pylist(), rows.column("signal_id").to_pylist(), strict=True)
        )


def _is_close(one: Any, other: Any) -> bool:
    """Say whether two values are the same but for how they were rounded in storing them."""
    if isinstance(one, float) and isinstance(other, float) and math.isclose(one, other):
        return True
    return not differ(one, other)


def _said(condition: Any) -> str:
    """Return a condition as a person writes it."""
    if isinstance(condition, str):
        return condition
    column, word, value = (
        (condition.column, condition.operator, condition.value)
        if isinstance(condition, Predicate)
        else condition
    )
    return f"{column} {word} {value}"
