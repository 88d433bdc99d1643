"""What a captured tree of strategies remembers while it runs.

A tree runs more than once at a time: bt lets each nested strategy trade a second time on paper, to
know what its index is. Each of these trees is an execution of its own, with calls of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from capture.config import SignalCaptureConfig
    from capture_bt.intents import Placed
    from capture_bt.session import Session

__all__ = ["PAPER", "PATH", "REFUSED", "Execution", "Voice", "Waiting"]

PATH: Final = ">"
"""Stands between the names of nested strategies, as it does in the host's full names."""

PAPER: Final = "~"
"""Follows the name of a nested strategy whose paper account is meant."""

REFUSED: Final = "refused"
"""Stands where a verb does, and says that the host refused the call before it."""


class Waiting:
    """How a strategy is to be recorded when it runs."""

    def __init__(self, config: SignalCaptureConfig) -> None:
        """Keep the settings."""
        self.config = config

    def __deepcopy__(self, _memo: Any) -> Waiting:
        """Return the same: the host copies strategies, and settings do not change."""
        return self


class Execution:
    """One tree that runs, with what it does in the present call of its `run`.

    Attributes:
        session: the captured run that it is part of.
        root: the strategy at its root.
        paper: whether it only trades on paper.
        name: where it hangs in the whole: "" is the strategy itself, "a~" the paper of its child.
        number: how often it ran.
        ordinal: how many calls were made in this run of it.
        depth: whether the host is at work, so that what is called and read is its own affair.
        running: whether the strategy is at work.
        updated: whether the tree was brought up to date since the last call.
        read: the last value of the portfolio that was read: node, ordinal, name, value.
        placed: the intent that is being carried out.
        fee: commission of the last trade.
        touched: whether the strategy looked for its children in this run of it.
        eager: whether it does that by itself, so that it may hold on to them.
        heard: nodes that are listened to until the run of it is over.
    """

    def __init__(self, session: Session, name: str, root: Any) -> None:
        """Begin before the first run."""
        self.session = session
        self.root = root
        self.name = name
        self.paper = PAPER in name
        self.number = 0
        self.ordinal = 0
        self.depth = 0
        self.running = False
        self.updated = False
        self.read: tuple[Any, int, str, float] | None = None
        self.placed: Placed | None = None
        self.fee = 0.0
        self.touched = False
        self.eager = False
        self.heard: list[Any] = []

    def __deepcopy__(self, _memo: Any) -> Execution:
        """Return the same: a copy of a tree gets an execution of its own when it is set up."""
        return self

    def called(self) -> None:
        """Note that a call was made."""
        self.ordinal += 1
        self.updated = False


class Voice:
    """What one strategy of a tree is called, and in which execution it speaks.

    Attributes:
        execution: the tree that it is part of.
        path: the names on the way to it from the root of its tree; "" is the root.
        label: its full name in the whole.
    """

    __slots__ = ("execution", "label", "path")

    def __init__(self, execution: Execution, path: str, label: str) -> None:
        """Keep them."""
        self.execution = execution
        self.path = path
        self.label = label

    def __deepcopy__(self, _memo: Any) -> Voice:
        """Return the same, as the execution does."""
        return self
