"""What a replay does in each run of each tree: the recorded calls, read once."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from capture.errors import NotReplayable
from capture_bt.execution import PATH, REFUSED
from capture_bt.trees import root_above

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from capture.contracts.replay import IntentLike, ReplaySource, Target

__all__ = ["Intents", "Script", "Step", "Targets", "resolved"]


@dataclass(frozen=True, slots=True)
class Step:
    """One call.

    Attributes:
        seq: number of the recorded signal; None of a call that is none, or that is added.
        call: the host's verb.
        child: name of the child that it is about; None if it is about all.
        size: how much.
        said: its arguments as they were recorded, and where it was made.
        refused: whether the host refused it, of one that is no signal.
    """

    seq: int | None
    call: str
    child: str | None
    size: float
    said: Mapping[str, Any]
    refused: bool = False

    @property
    def number(self) -> int:
        """Which call of its run it was."""
        return int(self.said.get("n", 0))

    @property
    def reads(self) -> tuple[str, int, str] | None:
        """The value that its weight is a share of: where, before which call, and what."""
        base = self.said.get("base")
        if not isinstance(base, dict):
            return None
        return str(self.said.get("node", "")), int(base["read"]), str(base["of"])


class Script:
    """The steps of every run.

    Attributes:
        source: the recording.
    """

    def __init__(self, source: ReplaySource, names: Mapping[str, Any]) -> None:
        """Read the recording.

        Args:
            source: the recording.
            names: the data's columns, by the recording's symbols.
        """
        self.source = source
        self.names = names
        self._by_bar: dict[int, list[Step]] = {}
        self._by_run: dict[tuple[str, int], list[Step]] = {}

    def __deepcopy__(self, _memo: Any) -> Script:
        """Return the same: the host copies strategies with all that they know."""
        return self

    def of_bar(self, bar: int) -> list[Step]:
        """Return the steps of the strategy itself at a bar."""
        return self._by_bar.get(bar, [])

    def of_run(self, tree: str, number: int) -> list[Step]:
        """Return the steps of a nested strategy's paper in its run of this number."""
        return self._by_run.get((tree, number), [])

    def named(self, node: Any, step: Step) -> Any:
        """Return a child's own name, which need not be a text."""
        child = str(step.child)
        if child in self.names:
            return self.names[child]
        for names in (vars(node)["children"], node._lazy_children):
            for name in names:
                if str(name) == child:
                    return name
        return step.child

    def carry_out(self, root: Any, step: Step, values: Mapping[Any, float]) -> None:
        """Make a call.

        Args:
            root: the root of the tree in which it is made.
            step: the call.
            values: the values that were read in this run of it.
        """
        raise NotImplementedError


class Intents(Script):
    """The calls as they were made."""

    def __init__(self, source: ReplaySource, names: Mapping[str, Any]) -> None:
        """Put each call where it was made."""
        super().__init__(source, names)
        for intent in source.intents:
            step = _step(intent)
            tree = step.said.get("tree")
            if tree is not None:
                steps = self._by_run.setdefault((tree, int(intent.callback or 0)), [])
            else:
                steps = self._by_bar.setdefault(int(intent.bar_index or 0), [])
            if step.call == REFUSED:
                steps[-1] = replace(steps[-1], refused=True)
            elif tree is None and intent.signal_seq is None and intent.action == "new":
                # An exit that a boundary policy adds comes before what was wanted on the bar.
                steps.insert(0, step)
            else:
                steps.append(step)

    def carry_out(self, root: Any, step: Step, values: Mapping[Any, float]) -> None:
        """Make a call with its arguments."""
        said, verb = step.said, step.call
        if verb == "update":
            above = root_above(root)
            above.update(above.now if said.get("own") else root.now)
            return
        node = resolved(root, said.get("node", ""))
        update = said.get("update", True)
        child = (
            None if said.get("whole") or verb in {"flatten", "adjust"} else self.named(node, step)
        )
        if verb == "rebalance":
            base = said.get("base", _NAN)
            reads = step.reads
            node.rebalance(step.size, child, values[reads] if reads else base, update)
        elif verb == "close":
            if child in vars(node)["children"]:
                node.close(child, update)
        elif verb == "flatten" and child is None and said.get("added"):
            close_child(node, self.named(node, step))
        elif verb == "flatten":
            node.flatten()
        elif verb == "adjust":
            node.adjust(said["amount"], update, said.get("flow", True), said.get("fee", 0.0))
        elif said.get("security"):
            _trade(node, child, verb, said, update)
        elif verb == "allocate":
            node.allocate(said["amount"], child, update)
        else:
            node.transact(said["q"], child, update)


_NAN: Final = float("nan")


def _trade(node: Any, child: Any, verb: str, said: Mapping[str, Any], update: bool) -> None:
    node._create_child_if_needed(child)
    security = vars(node)["children"][child]
    if verb == "allocate":
        security.allocate(said["amount"], update)
        return
    security.transact(said["q"], update, said.get("update_self", True), said.get("price"))


def _step(intent: IntentLike) -> Step:
    said = json.loads(intent.arguments) if intent.arguments else {"added": True}
    size = intent.size if intent.size is not None else 0.0
    return Step(intent.signal_seq, str(intent.call), intent.symbol, size, said)


def resolved(root: Any, path: str) -> Any:
    """Return the strategy of a tree that is found on this path."""
    node = root
    for name in path.split(PATH) if path else ():
        node = node.children[name]  # a recorder listens to what was looked up in this way
    return node


def close_child(node: Any, child: Any) -> None:
    """Close a child of a strategy, if it has it."""
    if child in vars(node)["children"]:
        node.close(child)


class Targets(Script):
    """Positions that are wanted, whatever it took to reach them."""

    def __init__(
        self, source: ReplaySource, names: Mapping[str, Any], size: float | None = None
    ) -> None:
        """Put each target at its bar.

        Args:
            source: the recording.
            names: the data's columns, by the recording's symbols.
            size: weight of a position that has none recorded; by default all share alike.
        """
        super().__init__(source, names)
        self._size = 1.0 / max(len(names), 1) if size is None else size
        for target in _in_order(source.targets):
            if target.bar_index is None:
                raise NotReplayable(
                    source.run_id,
                    f"a signal of {target.symbol} has no bar",
                    "record it with bar_index",
                )
            said = {"direction": target.direction, "kind": target.size_kind}
            size_said = _NAN if target.size is None else target.size
            step = Step(target.signal_seq, "target", target.symbol, size_said, said)
            self._by_bar.setdefault(target.bar_index, []).append(step)

    def carry_out(self, root: Any, step: Step, values: Mapping[Any, float]) -> None:
        """Go from what is held to what is wanted."""
        direction, kind, size = step.said["direction"], step.said["kind"], step.size
        found = vars(root)["children"].get(self.names.get(str(step.child), step.child))
        held = 0.0 if found is None or not found._issec else found.position
        if step.child == self.source.strategy_id and step.child not in self.names:
            if not direction:
                root.flatten()
            return
        child = self.names.get(str(step.child), step.child)
        if not direction:
            close_child(root, child)
        elif kind == "portion":
            self._reach(root, child, held * size)
        elif held * direction > 0 and kind not in _OF_ITS_OWN:
            return  # it is held already
        elif size != size:
            root.rebalance(direction * self._size, child)
        elif kind == "units":
            self._reach(root, child, direction * abs(size))
        elif kind == "target":
            self._reach(root, child, size)
        elif kind == "value":
            root.rebalance(size / root.value, child)
        else:
            root.rebalance(direction * min(abs(size), _MOST), child)

    def _reach(self, root: Any, child: Any, wanted: float) -> None:
        found = vars(root)["children"].get(child)
        root.transact(wanted - (0.0 if found is None else found.position), child)


_OF_ITS_OWN: Final = frozenset({"target", "target_fraction", "value"})
"""Sizes that say what is to be held, whatever is held."""

_MOST: Final = 1.0
"""A backtester that leaves a bit of its cash says 0.9999 and means all of it."""


def _in_order(targets: Any) -> Iterator[Target]:
    """Yield exits that a policy adds before what is wanted at the same moment."""
    yield from (target for target in targets if target.signal_seq is None)
    yield from (target for target in targets if target.signal_seq is not None)
