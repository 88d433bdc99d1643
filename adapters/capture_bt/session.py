"""One captured run: its beginning, what is told in between, and its end."""

from __future__ import annotations

import warnings
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from bt.core import SecurityBase, StrategyBase

from capture.errors import CaptureError, CaptureWarning
from capture.events import Bar, RunState
from capture.recorder.current import enter, leave
from capture.recorder.ending import OUT_OF_MONEY, Stopping, end_run
from capture.recorder.lifetimes import Runs
from capture_bt import notes
from capture_bt.classes import is_quiet, listen, original, quiet, quieten, taken_back
from capture_bt.cutting import cut_data, trace_indicators
from capture_bt.ending import equity_table, trade_table
from capture_bt.execution import PAPER, PATH, Execution, Voice
from capture_bt.facts import ADDED, uncaptured
from capture_bt.fills import Fills
from capture_bt.intents import Intents
from capture_bt.opening import Opened
from capture_bt.perturbing import perturbed
from capture_bt.running import Dates, backtest_of
from capture_bt.trees import root_above, tree_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from capture.config import SignalCaptureConfig
    from capture.recorder.current import Note

__all__ = ["Session", "begin"]


def begin(
    strategy: Any,
    config: SignalCaptureConfig,
    universe: Any,
    kwargs: dict[str, Any],
    frame: FrameType,
) -> Any:
    """Begin the recording of a run whose strategy is being set up, and let that happen."""
    kind: Any = original(strategy)
    own = kind.setup
    backtest = backtest_of(strategy, frame)
    _abandon_ended()
    if backtest is None:
        warnings.warn(
            f"{strategy.name} is not recorded: bt.Backtest does not run it",
            CaptureWarning,
            stacklevel=3,
        )
        taken_back(strategy)
        return own(strategy, universe, **kwargs)
    session = Session(config, strategy, backtest)
    try:
        universe, kwargs = session.prepare(universe, kwargs)
        done = own(strategy, universe, **kwargs)
        session.open(universe, kwargs)
    except BaseException as exc:
        session.raised(exc)
        raise
    return done


class Session(Stopping):
    """Writes the recording of one run.

    Attributes:
        config: how it is recorded.
        root: the strategy.
        backtest: what runs it.
        bar: the present bar; -1 is the row that the host puts before the first.
        reads: what the strategy looked at of its portfolio.
        intents: writes what the strategy wants.
        fills: writes what the host trades.
        opened: what is written through, once the run has begun.
        problem: why recording stopped before the end, or None.
        over: whether nothing more is heard.
    """

    intents: Intents
    fills: Fills

    def __init__(self, config: SignalCaptureConfig, root: Any, backtest: Any) -> None:
        """Prepare to record; nothing is written yet."""
        self.config = config
        self.root = root
        self.backtest = backtest
        self.bar = -1
        self.reads: set[str] = set()
        self.problem: str | None = None
        self.opened: Opened | None = None
        self.trees: list[Execution] = []
        self._lost: set[str] = set()
        self._restore: list[Callable[[], None]] = []
        self.over = False
        self.replays = hasattr(root, "replay_source")

    def __deepcopy__(self, _memo: Any) -> Session:
        """Return the same: the host copies nested strategies with all that they know."""
        return self

    # --- before the first bar ----------------------------------------------------------------

    def prepare(self, universe: Any, kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """Put ears on the tree; return bars and further data, on rehearsal others than the user's.

        Args:
            universe: prices of all securities.
            kwargs: what the backtest was given beside them.
        """
        if not self.replays:
            universe, kwargs, cut = cut_data(self.backtest, universe, kwargs)
            kwargs, changed = perturbed(self.root, self.backtest, universe, kwargs)
            self._restore += [cut, changed]
        self._lost |= uncaptured(self.root)
        self._tree = tree_of(self.root)
        self._execution("", self.root, self.root.name)
        return universe, kwargs

    def open(self, universe: Any, kwargs: dict[str, Any]) -> None:
        """Begin the recording of a strategy that is set up."""
        opened = Opened(self, universe, kwargs)
        self.fills = Fills(self, opened)
        self.opened = opened
        self.intents = Intents(self, opened)
        observe = _bars_observer(opened, universe)
        dates = self.backtest.dates
        self.backtest.dates = Dates(dates, self, observe, self._ended)
        self._restore.append(lambda: setattr(self.backtest, "dates", dates))
        enter(self)
        _SESSIONS.add(self)

    def _execution(self, name: str, root: Any, label: str) -> None:
        execution = Execution(self, name, root)
        self.trees.append(execution)
        self._adopt(root, execution, "", label)
        above = root_above(root)
        if above is not None:
            above.__class__ = quiet(type(above))
            vars(above)["_capture"] = Voice(execution, "", f"{label}{PATH}")
            listen(above)

    def _adopt(self, node: Any, execution: Execution, path: str, label: str) -> None:
        """Put ears on a strategy and all below it."""
        node.__class__ = quiet(type(node))
        vars(node)["_capture"] = Voice(execution, path, label)
        for child in node._childrenv:
            self._adopt_child(child, execution, path, label)

    def _adopt_child(self, child: Any, execution: Execution, path: str, label: str) -> None:
        if isinstance(child, StrategyBase):
            further = f"{path}{PATH}{child.name}" if path else str(child.name)
            self._adopt(child, execution, further, f"{label}{PATH}{child.name}")
        elif isinstance(child, SecurityBase):
            child.__class__ = quiet(type(child))

    def setting_up(self, node: Any, voice: Voice) -> None:
        """Hear that a nested strategy is set up, or the copy of it that trades on paper."""
        if node.root is node and node is not self.root:
            # The host copied it a moment ago, and will run it to know the strategy's index.
            outer = voice.execution.name
            name = f"{outer}{PATH}{voice.path}" if outer else voice.path
            self._execution(f"{name}{PAPER}", node, f"{voice.label}{PAPER}")

    def added(self, node: Any, voice: Voice) -> None:
        """Put ears on children that came to a node while it runs."""
        execution = voice.execution
        for child in node._childrenv:
            if hasattr(type(child), "_made_of"):
                continue
            self._adopt_child(child, execution, voice.path, voice.label)
            if isinstance(child, StrategyBase) and execution.running:
                self._lost.add(ADDED)
                if not is_quiet(node):
                    listen(node)  # there is more to hear of it now
            if execution.touched:
                listen(child)
                execution.heard.append(child)

    # --- bar by bar --------------------------------------------------------------------------

    def touch(self, node: Any, execution: Execution) -> None:
        """Listen to what is read of the securities and children until the strategy is done."""
        first, execution.touched = not execution.touched, True
        if not first:
            return
        while node.parent is not node:
            node = node.parent
        waiting = [node]
        while waiting:
            for child in waiting.pop()._childrenv:
                if is_quiet(child):
                    listen(child)
                    execution.heard.append(child)
                if isinstance(child, StrategyBase):
                    waiting.append(child)

    def hush(self, execution: Execution) -> None:
        """Listen to them no more."""
        for node in execution.heard:
            quieten(node)
        execution.heard.clear()

    # --- in between --------------------------------------------------------------------------

    def note(self, note: Note) -> None:
        """Keep what the strategy notes."""
        if self.problem is None and self.opened is not None:
            notes.keep(self, self.opened, note)

    def broken(self, exc: CaptureError) -> None:
        """Say once that recording stopped; the run goes on unless the user chose that it halts."""
        self.problem = f"recording stopped at bar {self.bar}: {exc}"
        self.say_stopped(exc, self.root.name)

    # --- the end -----------------------------------------------------------------------------

    def raised_in(self, execution: Execution, exc: BaseException) -> None:
        """Close the recording of a run whose strategy raised, itself or one's copy on paper.

        Who raises within another's work is left to that one, which may catch it.
        """
        if not any(other.running for other in self.trees if other is not execution):
            self.raised(exc)

    def fail(self, problem: str) -> None:
        """Close the recording of a run that did not come to its end."""
        if self._stop() and self.opened is not None:
            with suppress(Exception):  # the run has a problem of its own to tell of
                self.fills.finish()
            self._close(RunState.FAILED, problem)

    def _ended(self, whole: bool) -> None:
        if not whole:
            self.fail("the backtest raised before its last bar")
            return
        if not self._stop() or self.opened is None:
            return
        try:
            self.fills.finish()
        except Exception as exc:  # the user wants to hear of it
            self._close(RunState.FAILED, self.problem or str(exc))
            raise
        opened = self.opened
        self._close(RunState.ENDED, self.problem, lambda: self._tables(opened))

    def _tables(self, opened: Opened) -> None:
        if self.problem is not None:
            return
        opened.engine.append_table("equity", equity_table(self, opened))
        trades = trade_table(self.fills, opened)
        if trades.num_rows:
            opened.engine.append_table("trades", trades)
        trace_indicators(opened)

    def _close(
        self, state: RunState, problem: str | None, append: Callable[[], None] = lambda: None
    ) -> None:
        assert self.opened is not None
        engine, root = self.opened.engine, self.root
        if getattr(root, "bankrupt", False):
            # The host asks it no more: what the strategy would have done later, nobody knows.
            self.reads.add(OUT_OF_MONEY)
        facts = {
            "closed_loop": sorted(self.reads) if not self.replays else [],
            "not_captured": sorted(self._lost),
            "naive_timestamps_taken_for_utc": self.opened.timeline.naive,
            "bankrupt": bool(getattr(root, "bankrupt", False)),
            "tree": self._tree,
        }
        for name, value in facts.items():
            if value:
                engine.flag(name, value)
        trouble = end_run(engine, append, state, problem)
        if trouble is not None:
            self.broken(trouble)

    def _stop(self) -> bool:
        """Hear nothing more; False if it is over already."""
        if self.over:
            return False
        self.over = True
        leave(self)
        _SESSIONS.discard(self)
        for restore in reversed(self._restore):
            restore()
        taken_back(self.root)
        return True


_SESSIONS: Final[Runs[Session]] = Runs()


def _abandon_ended() -> None:
    """Close what nobody runs any more."""
    for session in list(_SESSIONS):
        if not isinstance(session.backtest.dates, Dates):
            session.abandon()


def _bars_observer(opened: Opened, universe: Any) -> Callable[[int], None] | None:
    """Return what tells observers of each symbol's bars; None if nobody listens."""
    observe = opened.engine.observer("bars")
    if observe is None:
        return None
    timeframe, index = opened.timeline.timeframe, universe.index[1:]
    columns = {str(name): universe[name].to_numpy()[1:] for name in universe.columns}

    def told(bar: int) -> None:
        for symbol, values in columns.items():
            known = {"bar_index": bar, "symbol": symbol, "timeframe": timeframe}
            observe(Bar(**known, timestamp=index[bar], close=float(values[bar])))

    return told
