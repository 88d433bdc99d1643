"""A recording on its way back: a strategy that wants what was recorded, and computes nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from capture.errors import DataMismatch, NotReplayable
from capture_builtin.backtest import stage_names
from capture_builtin.needs import Needs
from capture_builtin.signals import Signal
from capture_builtin.strategy import Strategy

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from capture.contracts.replay import IntentLike, ReplaySource, Target
    from capture.study.portfolio.settings import PortfolioSettings
    from capture_builtin.feeds import Feed
    from capture_builtin.market import Market

__all__ = ["Replayed", "Wanted", "replayed", "script_of"]


class Wanted:
    """What was wanted at a moment.

    Attributes:
        seq: number of the recorded signal; None of an exit that a boundary policy adds.
        symbol: of what.
        signal: what was wanted; None takes back what waits.
        remaining: the part of a position that is to remain, where that is what was wanted.
        resizes: whether a position on the same side is brought to the size of the signal.
    """

    __slots__ = ("remaining", "resizes", "seq", "signal", "symbol")

    def __init__(self, seq: int | None, symbol: str, signal: Signal | None) -> None:
        """Keep it."""
        self.seq = seq
        self.symbol = symbol
        self.signal = signal
        self.remaining: float | None = None
        self.resizes = False

    def given(self, held: float) -> Signal | None:
        """Return the signal to give while so much is held; None if there is nothing to want."""
        signal = self.signal
        same = signal is not None and held * signal.direction > 0.0
        if signal is None or not (self.resizes or self.remaining is not None):
            return signal
        if self.remaining is not None:
            size = abs(held) * self.remaining
            return replace(signal, kind="adjustment", size=size) if same and size else None
        return replace(signal, kind="adjustment") if same else signal


def replayed(source: ReplaySource) -> type[Replayed]:
    """Return a class of strategies that want what was recorded."""
    name = source.strategy_id or source.strategy
    return type(name, (Replayed,), {"replay_source": source, "__module__": __name__})


class Replayed(Strategy):
    """Wants what was recorded, at the moments at which it was."""

    replay_source: ReplaySource

    def __init__(self) -> None:
        """Know nothing yet but the recording."""
        self.repeated: dict[int, int | None] = {}
        self._script: dict[int, list[Wanted]] = {}
        self._symbols: tuple[str, ...] = ()

    def needs(self) -> Needs:
        """Return the symbols of the recording; no feature, and no bar before the first."""
        return Needs(symbols=self._symbols)

    def prepare_replay(
        self, feeds: Sequence[Feed], settings: PortfolioSettings, stages: Mapping[str, Any]
    ) -> None:
        """Refuse other data, and other settings where the strategy looked at its portfolio."""
        names = _names(self.replay_source, feeds)
        self.replay_source.check_settings({**settings.to_mapping(), **stage_names(stages)})
        self._read(feeds, names)

    def load(self, feeds: Sequence[Feed]) -> None:
        """Read what was wanted on the very bars that were stored with the recording."""
        self._read(feeds, {symbol: symbol for symbol in self.replay_source.bars()})

    def _read(self, feeds: Sequence[Feed], names: Mapping[str, str]) -> None:
        source = self.replay_source
        self._symbols = tuple(names.values())
        by_symbol = _finest(feeds)
        self._script = script_of(source, {name: by_symbol[mine] for name, mine in names.items()})
        for wanted in self._script.values():
            for one in wanted:
                one.symbol = names[one.symbol]
                if one.signal is not None:
                    one.signal = replace(one.signal, symbol=one.symbol)
        moments = np.unique(np.concatenate([feed.available_ns for feed in feeds]))
        missing = np.setdiff1d(np.array(list(self._script), np.int64), moments)
        if len(missing):
            raise DataMismatch(
                source.run_id, f"no bar closes at {_when(missing[0])}, when a signal was given"
            )

    def source_ids(self, seqs: Any) -> list[str | None]:
        """Return which recorded signals these signals repeat."""
        return [self.replay_source.source_id(self.repeated.get(seq)) for seq in seqs.tolist()]

    def generate_signal(self, market: Market) -> None:
        """Want what was wanted at this moment."""
        due = self._script.get(market.time_ns)
        if due is None:
            return
        for wanted in due:
            if wanted.signal is None:
                self._cancel(wanted.symbol)
                continue
            if wanted.seq is not None and self._account is not None:
                held = self._account.unseen(wanted.symbol)
                self.replay_source.reached(wanted.seq, market[wanted.symbol].index, held)
            signal: Signal | None = wanted.signal
            if self._account is not None:
                signal = wanted.given(self._account.unseen(wanted.symbol))
            if signal is not None:
                self._emit(signal, wanted.seq)


def _names(source: ReplaySource, feeds: Sequence[Feed]) -> dict[str, str]:
    """Return the symbols of the recording, and what this run calls them; check their bars."""
    mine = _finest(feeds)
    recorded = list(source.bars())
    names = {symbol: symbol for symbol in recorded}
    if len(recorded) == 1 and len(mine) == 1:
        names = {recorded[0]: next(iter(mine))}
    for symbol, name in names.items():
        if name not in mine:
            raise DataMismatch(source.run_id, f"there are no bars of {symbol}")
        source.check_bars(mine[name].table, symbol=symbol)
    return names


def _finest(feeds: Sequence[Feed]) -> dict[str, Feed]:
    from capture_builtin.engine import in_order

    ordered, symbols = in_order(feeds)
    return {symbol: ordered[place] for place, symbol in enumerate(symbols)}


def script_of(source: ReplaySource, feeds: Mapping[str, Feed]) -> dict[int, list[Wanted]]:
    """Return what was wanted, by moment.

    Args:
        source: the recording.
        feeds: the bars of each of its symbols.
    """
    own = source.host == "builtin" and source.mode == "intent"
    rows = _signals(source)
    script: dict[int, list[Wanted]] = {}
    first: dict[int, list[Wanted]] = {}
    for entry in source.intents if own else source.targets:
        symbol = str(entry.symbol)
        seq = None if entry.signal_seq is None else int(entry.signal_seq)
        if own:
            wanted = _of_intent(entry, rows.get(seq, {}))  # type: ignore[arg-type]
        else:
            wanted = _of_target(entry, rows.get(seq, {}), source.mode)  # type: ignore[arg-type]
        moment = _moment(source, entry, rows.get(seq), feeds[symbol], own=own)
        added = (own and seq is None and wanted is not None) or (not own and seq is None)
        # An exit that a policy adds comes before what is wanted at the same moment.
        due = Wanted(seq, symbol, wanted)
        if not own and source.mode == "target" and wanted is not None and wanted.direction:
            due.resizes = entry.size_kind == "target"
            due.remaining = entry.size if entry.size_kind == "portion" else None
        (first if added else script).setdefault(moment, []).append(due)
    for moment, exits in first.items():
        script[moment] = [*exits, *script.get(moment, [])]
    return script


def _signals(source: ReplaySource) -> dict[int | None, dict[str, Any]]:
    names = ["seq", "available_time", "strength", "signal_type"]
    table = source.stored("signals", names)
    columns = {name: table.column(name).to_pylist() for name in table.column_names
               if name != "available_time"}  # fmt: skip
    if "available_time" in table.column_names:
        times = table.column("available_time").cast(pa.int64())
        columns["available_ns"] = times.to_pylist()
    found: dict[int | None, dict[str, Any]] = {}
    for row in zip(*columns.values(), strict=True):
        said = dict(zip(columns, row, strict=True))
        found[said["seq"]] = said
    return found


def _moment(
    source: ReplaySource, entry: Any, row: Mapping[str, Any] | None, feed: Feed, *, own: bool
) -> int:
    """Return when something was wanted: as recorded here, or else at the close of its bar."""
    if own and entry.action == "cancel" and entry.arguments:
        return int(json.loads(entry.arguments)["moment_ns"])
    if source.host == "builtin" and row is not None and row.get("available_ns") is not None:
        return int(row["available_ns"])
    if entry.bar_index is None or not 0 <= entry.bar_index < len(feed):
        raise NotReplayable(
            source.run_id, f"a signal of {entry.symbol} has no bar", "record it with bar_index"
        )
    return int(feed.available_ns[entry.bar_index])


def _of_intent(intent: IntentLike, row: Mapping[str, Any]) -> Signal | None:
    if intent.action == "cancel":
        return None
    if intent.call == "flatten":
        return Signal(direction=0, symbol=intent.symbol, tag=intent.tag)
    resizes = row.get("signal_type") == "adjustment"
    return Signal(
        direction=int(intent.side or 0),
        symbol=intent.symbol,
        kind="adjustment" if resizes else None,
        strength=row.get("strength"),
        size=None if intent.size is None else abs(intent.size),
        limit=intent.limit_price,
        stop=intent.stop_price,
        stop_loss=intent.stop_loss,
        take_profit=intent.take_profit,
        trail=intent.trail,
        valid_bars=None if intent.valid is None else int(intent.valid),
        tag=intent.tag,
    )


def _of_target(target: Target, row: Mapping[str, Any], mode: str) -> Signal:
    sized = mode == "target" and target.size_kind in {"units", "target"} and target.size
    resizes = mode == "signal" and target.direction and row.get("signal_type") == "adjustment"
    strength = row.get("strength")
    return Signal(
        direction=target.direction,
        symbol=target.symbol,
        kind="adjustment" if resizes else None,
        size=abs(target.size) if sized and target.size and target.direction else None,
        strength=1.0 if resizes and strength is None else strength,
    )


def _when(time_ns: int) -> str:
    return str(np.datetime64(int(time_ns), "ns"))
