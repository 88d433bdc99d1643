"""Writes what a strategy wants: the call, what it was told, and what the account was then."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from bt.core import SecurityBase

from capture.errors import CaptureError, InvalidEvent
from capture.journal import NULL_FLOAT, NULL_INT
from capture.observers import is_let_through
from capture.recorder.adapting import Words
from capture_bt import rows
from capture_bt.execution import REFUSED

if TYPE_CHECKING:
    from collections.abc import Callable

    from capture_bt.execution import Execution, Voice
    from capture_bt.opening import Channels, Opened
    from capture_bt.session import Session

__all__ = ["Intents", "Placed"]

_UNFIT: Final = (struct.error, TypeError, ValueError, OverflowError)


class Placed:
    """An intent that is being carried out.

    Attributes:
        channels: where it was written; None of one that could not be, or that is on paper.
        seq: number of its signal.
        bar: its bar.
        single: whether it can come to no more than one fill.
        filled: how many fills it came to.
        settled: whether it is recorded what became of it.
        idle: what it is if it comes to none.
    """

    __slots__ = ("bar", "channels", "filled", "idle", "seq", "settled", "single")

    def __init__(self, single: bool, idle: int) -> None:
        """Begin before it is written."""
        self.channels: Channels | None = None
        self.seq = NULL_INT
        self.bar = 0
        self.single = single
        self.idle = idle
        self.filled = 0
        self.settled = False

    @property
    def outcome(self) -> int:
        """What became of it when the call returned."""
        return rows.FILLED if self.filled else self.idle


class _Wish(NamedTuple):
    """What a call wants: the host's verb with its arguments, and what all hosts say of it."""

    verb: str
    child: Any
    said: dict[str, Any]
    direction: int
    kind: str
    held: float
    weight: float
    size_kind: str
    size: float
    single: bool
    idle: int


class Intents:
    """Stands between a tree of strategies and the host's own methods.

    Attributes:
        last: bar and number of the last signal for each child, by its name.
    """

    def __init__(self, session: Session, opened: Opened) -> None:
        """Write through what was opened."""
        self._session = session
        self._opened = opened
        self._words = Words(opened.engine.word)
        self._arguments: dict[Any, int] = {}
        self._call = opened.call()
        self.last: dict[str, tuple[int, int]] = {}

    # --- the calls ---------------------------------------------------------------------------

    def rebalance(
        self,
        node: Any,
        voice: Voice,
        weight: float,
        child: Any,
        base: float,
        update: bool,
        call: Callable[..., Any],
    ) -> None:
        """Record that a child shall have this weight, and let it happen."""
        execution = voice.execution
        said: dict[str, Any] = {} if update else {"update": update}
        if base == base:  # it is no NaN, which stands for the present value
            said["base"] = _base(node, execution, base)
        weight = float(weight)
        held, now, single = _held(node, child)
        if not weight:
            direction, kind, idle = 0, "exit", rows.NOTHING_TO_CLOSE
        else:
            side = 1 if weight > 0 else -1
            if held * side <= 0:
                direction, kind = side, "entry"
            else:
                direction, kind = (
                    (side if weight == now else 1 if weight > now else -1),
                    "adjustment",
                )
            idle = rows.ALREADY if weight == now else _idle(single)
        wish = _Wish("rebalance", child, said, direction, kind, held, now, "target_fraction",
                     weight, single, idle)  # fmt: skip
        self._make(node, voice, wish, lambda: call(weight, child, base, update))

    def close(
        self, node: Any, voice: Voice, child: Any, update: bool, call: Callable[[], Any]
    ) -> None:
        """Record that a child is closed, and let it happen."""
        held, now, single = _held(node, child)
        said = {} if update else {"update": update}
        wish = _Wish("close", child, said, 0, "exit", held, now, "target_fraction", 0.0, single,
                     rows.NOTHING_TO_CLOSE)  # fmt: skip
        self._make(node, voice, wish, call)

    def flatten(self, node: Any, voice: Voice, call: Callable[[], Any]) -> None:
        """Record that all children are closed, and let it happen."""
        wish = _Wish("flatten", node.name, {}, 0, "exit", NULL_FLOAT, NULL_FLOAT, "portion", 1.0,
                     False, rows.NOTHING_TO_CLOSE)  # fmt: skip
        self._make(node, voice, wish, call)

    def allocate(
        self, node: Any, voice: Voice, child: Any, said: dict[str, Any], call: Callable[[], Any]
    ) -> None:
        """Record that money is put into a child or into all of them, and let it happen."""
        amount = float(said["amount"])
        said = {**_told(said), "amount": amount}
        whole = child is None
        held, now, single = (NULL_FLOAT, NULL_FLOAT, False) if whole else _held(node, child)
        value = 0.0 if whole or child not in node.__dict__["children"] else _value(node, child)
        side, kind = _side(amount), _kind(held, amount, value + amount == 0.0)
        idle = _idle(not node._has_strat_children if whole else single)
        wish = _Wish("allocate", node.name if whole else child, {**said, "whole": whole},
                     0 if kind == "exit" else side, kind, held, now, "value", value + amount,
                     single, idle)  # fmt: skip
        self._make(node, voice, wish, call)

    def transact(
        self, node: Any, voice: Voice, child: Any, said: dict[str, Any], call: Callable[[], Any]
    ) -> None:
        """Record that units are traded, and let it happen."""
        units = float(said["q"])
        said = {**_told(said), "q": units}
        whole = child is None
        held, now, single = (NULL_FLOAT, NULL_FLOAT, False) if whole else _held(node, child)
        before = 0.0 if whole or held != held else held
        side, kind = _side(units), _kind(held, units, before + units == 0.0)
        idle = _idle(not node._has_strat_children if whole else single)
        wish = _Wish("transact", node.name if whole else child, {**said, "whole": whole},
                     0 if kind == "exit" else side, kind, held, now, "target", before + units,
                     single, idle)  # fmt: skip
        self._make(node, voice, wish, call)

    def adjust(
        self, node: Any, voice: Voice, said: dict[str, Any], call: Callable[..., Any]
    ) -> None:
        """Record that money comes or goes, which is no signal, and let it happen."""
        execution = voice.execution
        amount = float(said["amount"])
        if self._session.problem is None:
            told = {**_told(said), "amount": amount}
            try:
                self._write_call(voice, _no_signal("adjust", node, told, amount))
            except CaptureError as exc:
                self._session.broken(exc)
            except _UNFIT as exc:
                self._quarantine("adjust", told, exc)
        execution.depth = 1
        try:
            call(said["amount"], said["update"], said["flow"], said["fee"])
        except Exception:
            self._refuse(node, voice)
            raise
        finally:
            execution.depth = 0
            execution.called()

    def updated_above(self, node: Any, execution: Execution, date: Any) -> None:
        """Record that a strategy on paper updates the copy of its parents; see `root_above`."""
        if self._session.problem is None:
            said = {"own": True} if date == node.now else {}
            try:
                self._write_call(node._capture, _no_signal("update", node, said, NULL_FLOAT))
            except CaptureError as exc:
                self._session.broken(exc)
        execution.called()

    # --- how they are made -------------------------------------------------------------------

    def _make(self, node: Any, voice: Voice, wish: _Wish, call: Callable[[], Any]) -> None:
        """Write a signal and its order, carry it out, and write what became of it."""
        execution = voice.execution
        placed = Placed(wish.single, wish.idle)
        if self._session.problem is None:
            try:
                if execution.paper:
                    self._write_call(voice, wish)
                else:
                    self._write(node, voice, wish, placed)
            except CaptureError as exc:
                self._session.broken(exc)
            except _UNFIT as exc:
                self._quarantine(wish.verb, wish.said, exc)
        execution.placed = placed
        execution.depth = 1
        try:
            call()
        except Exception:
            if execution.paper:
                self._refuse(node, voice)
            self._settle(placed, rows.INVALID_ORDER)
            raise
        finally:
            execution.depth = 0
            execution.placed = None
            execution.called()
        if not placed.settled:
            self._settle(placed, placed.outcome)

    def _write(self, node: Any, voice: Voice, wish: _Wish, placed: Placed) -> None:
        channels = self._opened.channels(str(wish.child))
        self._opened.temps.expect(node, wish.child)
        words, bar, direction = self._words, self._session.bar, wish.direction
        strong = wish.size_kind == "target_fraction"
        seq = channels.intent(
            bar, direction, words[wish.kind], abs(wish.size) if strong else NULL_FLOAT,
            wish.held, node._capital, node._value, wish.weight, words[voice.label],
            direction, words[wish.verb], wish.size, words[wish.size_kind],
            self._told(voice, wish.said), voice.execution.number,
        )  # fmt: skip
        placed.channels, placed.bar = channels, bar
        placed.seq = seq if seq >= 0 else NULL_INT
        self.last[channels.symbol] = (bar, seq)

    def _settle(self, placed: Placed, outcome: int) -> None:
        placed.settled = True
        channels = placed.channels
        if channels is None or self._session.problem is not None:
            return
        status, reason, actor = rows.OUTCOMES[outcome]
        words, seq = self._words, placed.seq
        order = seq + 1 if seq >= 0 else NULL_INT
        try:
            channels.status(seq, order, placed.bar, words[status], words[reason], words[actor])
        except CaptureError as exc:
            self._session.broken(exc)

    def refused(self, symbol: str, node: Any, voice: Voice, side: int) -> int:
        """Record a signal that the strategy's own filter refused; return its number."""
        held, weight, _ = _held(node, symbol)
        channels, words, bar = self._opened.channels(symbol), self._words, self._session.bar
        kind = "exit" if not side or held * side < 0 else "adjustment" if held else "entry"
        seq = channels.signal(
            bar, side, words[kind], NULL_FLOAT, held, node._capital, node._value, weight,
            words[voice.label],
        )  # fmt: skip
        status, reason, actor = map(words.__getitem__, rows.OUTCOMES[rows.FILTERED])
        channels.status(seq, NULL_INT, bar, status, reason, actor)
        return seq

    def _write_call(self, voice: Voice, wish: _Wish) -> None:
        """Write a call that is no signal: on paper, or of money."""
        words, execution = self._words, voice.execution
        self._call(
            max(self._session.bar, 0), words[str(wish.child)], wish.direction, words[wish.verb],
            wish.size, words[wish.size_kind], self._told(voice, wish.said), execution.number,
            words["paper" if execution.paper else "run"],
        )  # fmt: skip

    def _refuse(self, node: Any, voice: Voice) -> None:
        """Write that the host refused the last call that is no signal, and so has no status."""
        if self._session.problem is not None:
            return
        try:
            self._write_call(voice, _no_signal(REFUSED, node, {}, NULL_FLOAT))
        except CaptureError as exc:
            self._session.broken(exc)

    def _told(self, voice: Voice, said: dict[str, Any]) -> int:
        """Return the word for the arguments of a call, and for what must be known to repeat it."""
        execution = voice.execution
        key = (
            execution.name, voice.path, execution.ordinal, execution.updated,
            *(v if v.__class__ is not dict else (*v.values(),) for v in said.values()), *said,
        )  # fmt: skip
        code = self._arguments.get(key)
        if code is None:
            told: dict[str, Any] = {"n": execution.ordinal, **said}
            if execution.paper:
                told["tree"] = execution.name
            if voice.path:
                told["node"] = voice.path
            if execution.updated:
                told["updated"] = True
            code = self._arguments[key] = self._words[json.dumps(told)]
        return code

    def _quarantine(self, verb: str, said: dict[str, Any], exc: Exception) -> None:
        if is_let_through(exc):
            raise exc
        event = {"call": verb, **said}
        self._opened.engine.quarantine("orders", event, InvalidEvent("orders", event, str(exc)))


def _no_signal(verb: str, node: Any, said: dict[str, Any], amount: float) -> _Wish:
    return _Wish(verb, node.name, said, 0, "", NULL_FLOAT, NULL_FLOAT, "value", amount, False, 0)


def _base(node: Any, execution: Execution, base: float) -> Any:
    """Return what a weight is a share of: a value that was read before, or a number."""
    read = execution.read
    if read is not None and read[0] is node and read[3] == base:
        return {"read": read[1], "of": read[2]}
    return float(base)


def _held(node: Any, child: Any) -> tuple[float, float, bool]:
    """Return position and weight of a child, and whether it is a security."""
    found = node.__dict__["children"].get(child)
    if found is None:
        lazy = node._lazy_children.get(child)
        return 0.0, 0.0, lazy is None or isinstance(lazy, SecurityBase)
    if found._issec:
        return found._position, found._weight, True
    return NULL_FLOAT, found._weight, False


def _idle(of_securities: bool) -> int:
    """Return what a call is that nothing was traded for: strategies accept, and decide later."""
    return rows.SIZED_TO_ZERO if of_securities else rows.ACCEPTED


def _value(node: Any, child: Any) -> float:
    return float(node.__dict__["children"][child]._value)


def _side(amount: float) -> int:
    return 1 if amount > 0 else -1 if amount < 0 else 0


def _kind(held: float, change: float, leaves_nothing: bool) -> str:
    if held != held or not held:
        return "entry"
    return "exit" if leaves_nothing else "adjustment"


def _told(said: dict[str, Any]) -> dict[str, Any]:
    """Return arguments without those that are as the host has them by itself."""
    return {name: value for name, value in said.items() if value != _USUAL.get(name, _UNUSUAL)}


_UNUSUAL: Final = object()
_USUAL: Final[dict[str, Any]] = {
    "update": True, "update_self": True, "price": None, "flow": True, "fee": 0.0,
}  # fmt: skip
