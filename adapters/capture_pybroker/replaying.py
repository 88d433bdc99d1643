"""A recording on its way back: an execution that sets what was recorded, and computes nothing."""

from __future__ import annotations

import sys
import weakref
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd

from capture.errors import DataMismatch, NotReplayable
from capture.timeline import Timeline
from capture_pybroker.encoding import FIELDS, decoded, is_replayable
from capture_pybroker.facts import base_table, host_settings
from capture_pybroker.hearing import RECORDED, real
from capture_pybroker.ledger import signed_position
from capture_pybroker.scripts import intent_steps, target_steps
from capture_pybroker.window import bars_of, window_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from capture.contracts.replay import ReplaySource
    from capture_pybroker.scripts import Step
    from capture_pybroker.window import Window

__all__ = ["Replayed"]

_REPLAY = "_replay"


class _Place(NamedTuple):
    """Where a context stands in a replay."""

    replay: Replayed
    steps: Mapping[int, list[Step]]
    offset: int
    ends: Mapping[str, int]
    symbol: str

    @property
    def bar(self) -> int:
        """Number of the present bar."""
        return self.offset + self.ends[self.symbol]

    def now(self) -> Sequence[Step]:
        """Return what is to be done on the present bar."""
        return self.steps.get(self.bar, ())


def _replaying(owner: type) -> type:
    """Return a class of contexts whose orders are those that were recorded.

    They are set as late as possible: what the user lets the host call after the executions has
    had its say in what was recorded.
    """

    def set_recorded(ctx: Any) -> None:
        place = ctx.__dict__[_REPLAY]
        if not ctx.rotation_enabled:  # there, the host decides by the scores
            place.replay.place_orders(ctx, place.now(), place.bar)

    def to_result(ctx: Any) -> Any:
        set_recorded(ctx)
        return owner.to_result(ctx)  # type: ignore[attr-defined]

    names = {"__module__": owner.__module__, "__qualname__": owner.__qualname__}
    own = {**names, RECORDED: set_recorded, "to_result": to_result}
    return type(owner.__name__, (owner,), own)


def _clear(ctx: Any) -> None:
    for name in ("buy_shares", "sell_shares", "_exit_stop_pos", *FIELDS):
        setattr(ctx, name, None)
    ctx._cover = ctx._exiting_pos = False


class Replayed:
    """Sets on each context what was recorded for its symbol and bar.

    Attributes:
        replay_source: the recording.
    """

    def __init__(self, source: ReplaySource, size: float | None = None) -> None:
        """Keep what is replayed; it is read when a backtest begins."""
        self.replay_source = source
        self.__name__ = source.strategy
        self._size = size
        self._steps: dict[str | None, dict[int, list[Step]]] | None = None
        self._seqs: dict[tuple[str | None, int], int | None] = {}
        self._checked: weakref.WeakKeyDictionary[Any, dict[str, str | None]] = (
            weakref.WeakKeyDictionary()
        )

    def __call__(self, ctx: Any, *_args: Any, **_kwargs: Any) -> None:
        """Do again what was done at once; orders are set when the host reads them."""
        place = ctx.__dict__.get(_REPLAY)
        if place is None:
            place = ctx.__dict__[_REPLAY] = self._begin(ctx)
            ctx.__class__ = _replaying(type(ctx))
        for seq, step in place.now():
            if seq is None:
                step(ctx)

    def place_orders(self, ctx: Any, steps: Sequence[Step], bar: int) -> None:
        """Set the orders that were recorded for a bar, whatever else was set meanwhile."""
        if steps or not ctx._is_noop_bar():
            _clear(ctx)
        for seq, step in steps:
            if seq is not None:
                self.replay_source.reached(
                    seq, bar, signed_position(real(ctx._portfolio), ctx.symbol)
                )
                step(ctx)

    def identity(self, symbol: str) -> tuple[str, Mapping[str, Any], Callable[[Any], list[Any]]]:
        """Return whose signals these are, its parameters, and what tells which they repeat."""
        source = self.replay_source
        recorded = self._alias(symbol)
        name, params = source.strategy_id or source.strategy, source.params
        for strategy_id, own in (source.flags.get("executions") or {}).items():
            if recorded in own["symbols"]:
                name, params = strategy_id, own["params"]

        def sources(bars: Any) -> list[str | None]:
            return [source.source_id(self._seqs.get((recorded, bar))) for bar in bars.tolist()]

        return name, params, sources

    # --- before the first bar ----------------------------------------------------------------

    def _begin(self, ctx: Any) -> _Place:
        window = window_of(ctx, sys._getframe(2))
        if window is None:
            raise NotReplayable(
                self.replay_source.run_id,
                "nothing runs it",
                'hand it to strategy.add_execution(capture.replay(...).into("pybroker"), symbols)',
            )
        self.check(window, ctx)
        assert self._steps is not None
        steps = self._steps.get(self._checked[real(ctx._portfolio)].get(ctx.symbol), {})
        return _Place(self, steps, window.offsets[ctx.symbol] - 1, window.ends, ctx.symbol)

    def check(self, window: Window, ctx: Any) -> None:
        """Refuse other data, and other settings where the strategy looked at its portfolio."""
        if real(ctx._portfolio) in self._checked:
            return
        source = self.replay_source
        mine = sorted(
            symbol
            for execution in window.host["executions"]
            if getattr(execution.fn, "function", execution.fn) is self
            for symbol in execution.symbols
        )
        recorded = list(source.bars())
        aliases: dict[str, str | None] = {symbol: symbol for symbol in mine}
        if len(mine) == 1 and len(recorded) == 1:
            aliases[mine[0]] = recorded[0]  # whatever it is called here
        elif set(mine) - set(recorded):
            unknown = ", ".join(sorted(set(mine) - set(recorded)))
            raise DataMismatch(source.run_id, f"it holds no bars of {unknown}")
        for symbol in mine:
            columns = bars_of(window.host)[symbol]
            timeline = Timeline.of(pd.DatetimeIndex(columns["date"]))
            source.check_bars(base_table(columns, timeline), symbol=aliases[symbol])
        source.check_settings(host_settings(window.strategy, window.host, window.call))
        if self._steps is None:
            self._steps = self._script()
        left_out = self._steps.keys() - set(aliases.values()) - _others(window, self)
        if left_out and not source.narrowed and not source.forced:
            names = ", ".join(sorted(map(str, left_out)))
            raise DataMismatch(
                source.run_id, f"it has signals of {names}, which nothing trades now"
            )
        self._known = aliases
        self._checked[real(ctx._portfolio)] = aliases

    def _alias(self, symbol: str) -> str | None:
        known: dict[str, str | None] = getattr(self, "_known", {})
        if symbol in known:
            return known[symbol]
        recorded = list(self.replay_source.bars())
        return recorded[0] if len(recorded) == 1 else symbol

    def _script(self) -> dict[str | None, dict[int, list[Step]]]:
        source = self.replay_source
        if source.mode != "intent":
            made = target_steps(source.targets, self._size)
        else:
            for intent in source.intents:
                lost = [n for n, v in decoded(intent.arguments).items() if not is_replayable(v)]
                if lost:
                    raise NotReplayable(
                        source.run_id,
                        f"at bar {intent.bar_index} of {intent.symbol}, {lost[0]} was a function, "
                        "whose prices are not recorded",
                        'replay what it wanted: capture.replay(recording, mode="target")',
                    )
            made = intent_steps(source.intents)
        for symbol, bars in made.items():
            for bar, steps in bars.items():
                told = [seq for seq, _ in steps if seq is not None]
                self._seqs[(symbol, bar)] = told[-1] if told else None
        return made


def _others(window: Window, mine: Any) -> set[str | None]:
    """Return the symbols that other replays in this backtest trade."""
    found: set[str | None] = set()
    for execution in window.host["executions"]:
        call = getattr(execution.fn, "function", execution.fn)
        if call is not mine and hasattr(call, "replay_source"):
            found |= set(execution.symbols)
    return found
