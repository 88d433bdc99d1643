"""A recording on its way back: a tree that does what was recorded, and computes nothing."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import bt
from bt.core import StrategyBase

from capture.errors import DataMismatch, NotReplayable
from capture.timeline import Timeline
from capture_bt.execution import PAPER, PATH, Voice
from capture_bt.facts import ADDED, base_table, host_settings
from capture_bt.running import backtest_of
from capture_bt.script import Intents, Script, Targets, resolved
from capture_bt.trees import build

if TYPE_CHECKING:
    from collections.abc import Mapping

    from capture.contracts.replay import ReplaySource

__all__ = ["replayed"]


def replayed(source: ReplaySource, size: float | None = None) -> Any:
    """Return a strategy that makes the recorded calls at the recorded moments.

    Args:
        source: the recording.
        size: in the modes "target" and "signal", the weight of what has none recorded.
    """
    exact = source.mode == "intent"
    tree: Mapping[str, Any] | None = source.flags.get("tree") if exact else None
    (_refuse if exact else _refuse_nested)(source)
    player = _Player(source, size)
    names = {"__module__": __name__, "__doc__": f"Replays {source.run_id}."}
    root = type("Replay", (_Replaying,), {**names, "replay_source": source, "_player": player})
    nested = type("Strategy", (_Nested,), {**names, "_player": player})

    def make(name: str, fixed_income: bool, children: list[Any]) -> Any:
        node = nested(name, children=children)
        node._fixed_income = fixed_income
        return node

    if tree is None:
        return root(source.strategy_id or source.strategy)
    made = root(tree["name"], children=[build(child, make) for child in tree["children"]] or None)
    made._fixed_income = tree["kind"] == "FixedIncomeStrategy"
    return made


def _refuse(source: ReplaySource) -> None:
    """Refuse a run of which something is lost that decided what happened."""
    lost = source.flags.get("not_captured", ())
    instead = 'replay what it wanted instead: capture.replay(recording, mode="target")'
    if ADDED in lost:
        instead = "give the strategy all its children before it runs, and record it again"
    if lost:
        raise NotReplayable(source.run_id, f"{', '.join(lost)} could not be recorded", instead)
    if source.flags.get("tree") is None:
        raise NotReplayable(source.run_id, "it does not know its tree of strategies", instead)


def _refuse_nested(source: ReplaySource) -> None:
    """Refuse targets of nested strategies, which are shares of one another."""
    tree = source.flags.get("tree") or {"children": ()}
    nested = any("children" in child for child in tree["children"])
    if nested or ADDED in source.flags.get("not_captured", ()):
        raise NotReplayable(
            source.run_id,
            "it has strategies within a strategy, and what one wants is a share of another",
            "replay its calls instead: capture.replay(recording)",
        )


class _Player:
    """Reads the script when data and settings are known to be those of the recording."""

    def __init__(self, source: ReplaySource, size: float | None) -> None:
        self.source = source
        self._size = size
        self._script: Script | None = None

    def __deepcopy__(self, _memo: Any) -> _Player:
        return self

    def script(self, names: Mapping[str, Any]) -> Script:
        """Return the script for data with these columns."""
        if self.source.mode != "intent":
            return Targets(self.source, names, self._size)
        if self._script is None:
            self._script = Intents(self.source, names)
        elif names:
            self._script.names = names
        return self._script

    def play(self, root: Any, script: Script, steps: list[Any], bar: int | None) -> None:
        """Make the calls of one run of a tree."""
        waiting = sorted({s.reads for s in steps if s.reads is not None}, key=lambda r: r[1])
        values: dict[Any, float] = {}
        for step in steps:
            if step.said.get("updated"):
                root.root.update(root.root.now)
            while waiting and waiting[0][1] <= step.number:
                read = waiting.pop(0)
                values[read] = getattr(resolved(root, read[0]), read[2])
            if step.seq is not None and bar is not None:
                self._reached(root, script, step, bar)
            try:
                script.carry_out(root, step, values)
            except Exception:
                if not step.refused and step.seq not in self.source.refused:
                    raise

    def _reached(self, root: Any, script: Script, step: Any, bar: int) -> None:
        node = resolved(root, step.said.get("node", ""))
        child = vars(node)["children"].get(script.named(node, step))
        held = 0.0 if child is None or not child._issec else child._position
        self.source.reached(step.seq, bar, held)
        voice = root.__dict__.get("_capture")
        if type(voice) is Voice:
            opened = voice.execution.session.opened
            if opened is not None:
                root.repeated[opened.engine.next_seq] = step.seq


class _Nested(bt.Strategy):
    """A nested strategy; what it does for real is among the calls of the whole tree."""

    _player: _Player
    _place = ""

    def setup(self, universe: Any, **kwargs: Any) -> None:
        """Be set up, as oneself or as one's twin on paper."""
        if self.root is self:
            self._place = f"{self._place}{PAPER}"
            self._runs = 0
            self._script = self._player.script({})
        _place(self, self._place if self.root is self else "")
        super().setup(universe, **kwargs)

    def run(self) -> None:
        """On paper, do what was done there."""
        if self.root is not self:
            return
        self._runs += 1
        self._player.play(self, self._script, self._script.of_run(self._place, self._runs), None)


def _place(node: Any, tree: str) -> None:
    """Tell nested strategies what their paper is called."""
    outer = node._place if tree == "" and node.root is not node else tree
    for child in node._childrenv:
        if isinstance(child, StrategyBase):
            child._place = f"{outer}{PATH}{child.name}" if outer else str(child.name)


class _Replaying(bt.Strategy):
    """The strategy itself."""

    replay_source: ReplaySource
    _player: _Player

    def setup(self, universe: Any, **kwargs: Any) -> None:
        """Refuse other data, and other settings where the strategy looked at its portfolio."""
        source = self.replay_source
        backtest = backtest_of(self, sys._getframe(1))
        names = _names(source, universe)
        if backtest is not None:
            source.check_settings(host_settings(backtest))
        self._script = self._player.script(names)
        self._bars = {date: bar for bar, date in enumerate(universe.index[1:])}
        self.repeated: dict[int, int] = {}
        _place(self, "")
        super().setup(universe, **kwargs)

    def source_ids(self, seqs: Any) -> list[str | None]:
        """Return which recorded signals these signals repeat."""
        return [self.replay_source.source_id(self.repeated.get(seq)) for seq in seqs.tolist()]

    def run(self) -> None:
        """Do what was done on this bar."""
        bar = self._bars[self.now]
        steps = self._script.of_bar(bar)
        if steps:
            self._player.play(self, self._script, steps, bar)


def _names(source: ReplaySource, universe: Any) -> dict[str, Any]:
    """Return the data's columns by the recording's symbols; refuse those that are others."""
    columns = {str(name): name for name in universe.columns}
    recorded = list(source.bars())
    if len(recorded) == 1 and len(columns) == 1:
        names = {recorded[0]: next(iter(columns.values()))}
    else:
        missing = [symbol for symbol in recorded if symbol not in columns]
        if missing:
            raise DataMismatch(source.run_id, f"there is no column {missing[0]} in the data")
        names = {symbol: columns[symbol] for symbol in recorded}
    timeline = Timeline.of(universe.index[1:])
    for symbol, name in names.items():
        source.check_bars(base_table(universe[name].iloc[1:], timeline), symbol=symbol)
    further = [str(name) for name in universe.columns if name not in names.values()]
    if further and source.mode == "intent":
        raise DataMismatch(source.run_id, f"the column {further[0]} is new in the data")
    return names
