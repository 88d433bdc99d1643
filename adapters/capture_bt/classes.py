"""Classes that stand in for those of a user's nodes while they run.

A node gets another class, and no other object takes its place. Each class has two faces. The quiet
one costs next to nothing; the heard one, which is there while a strategy's own code is at work,
also hears what is looked at; of a strategy with others below it, more. The user's class comes
before what listens, so that a method of the user's own that calls the host's is heard as the host
hears it.
"""

from __future__ import annotations

import sys
import weakref
from typing import TYPE_CHECKING, Any, Final

from bt.core import StrategyBase

from capture.recorder.adapting import likeness
from capture_bt.execution import Voice, Waiting
from capture_bt.hearing import (
    HeardParent,
    HeardSecurity,
    HeardStrategy,
    QuietSecurity,
    QuietStrategy,
)

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["is_quiet", "listen", "original", "quiet", "quieten", "taken_back"]

_QUIET: Final[weakref.WeakValueDictionary[type, type]] = weakref.WeakValueDictionary()


def original(node: Any) -> type:
    """Return the user's class of a node."""
    made_of: type = vars(type(node)).get("_made_of", type(node))
    return made_of


def quiet(own: type) -> type:
    """Return the quiet face of a class, which has its name."""
    own = vars(own).get("_made_of", own)
    found = _QUIET.get(own)
    if found is None:
        found = _QUIET[own] = _strategy(own) if issubclass(own, StrategyBase) else _security(own)
    return found


def taken_back(node: Any) -> Any:
    """Give a node and all below it their own classes again, and let them forget the run."""
    node.__class__ = original(node)
    vars(node).pop("_capture", None)
    for child in (*node._childrenv, *node._lazy_children.values()):
        taken_back(child)
    for further in ("_paper", "root"):
        other = vars(node).get(further)
        if other is not None and "_capture" in vars(other):
            taken_back(other)
    return node


def listen(node: Any) -> None:
    """Show the heard face of a node."""
    kind: Any = type(node)
    node.__class__ = kind._above if node._has_strat_children else kind._heard


def is_quiet(node: Any) -> bool:
    """Say whether a node shows its quiet face."""
    kind: Any = type(node)
    return kind is kind._quiet


def quieten(node: Any) -> None:
    """Show the quiet face of a node."""
    node.__class__ = type(node)._quiet


def _face(own: type, hears: type, names: dict[str, Any]) -> Any:
    said = {**likeness(own), "_made_of": own, "__reduce_ex__": _reduce, **names}
    return type(own.__name__, (own, hears), said)


def _security(own: type) -> type:
    found, heard = _face(own, QuietSecurity, {}), _face(own, HeardSecurity, {})
    for face in (found, heard):
        face._quiet, face._heard = found, heard
    made: type = found
    return made


def _strategy(own: Any) -> type:
    names = {"run": _run(own.run), "setup": _setup(own.setup)}
    kinds = (QuietStrategy, HeardStrategy, HeardParent)
    found, heard, above = (_face(own, hears, names) for hears in kinds)
    for face in (found, heard, above):
        face._quiet, face._heard, face._above = found, heard, above
    made: type = found
    return made


def _run(own: Callable[..., Any]) -> Callable[..., Any]:
    """Return the method that lets a strategy do its work, and listens meanwhile."""

    def run(self: Any) -> Any:
        voice = self.__dict__.get("_capture")
        if voice.__class__ is not Voice:
            return own(self)
        execution = voice.execution
        if execution.running:  # a nested strategy, or one that calls itself
            return _nested(self, own, execution)
        execution.number += 1
        execution.ordinal = 0
        execution.updated = execution.touched = False
        execution.running = True
        face = self.__class__
        self.__class__ = face._above if self._has_strat_children else face._heard
        if execution.eager:
            execution.session.touch(self, execution)
        try:
            return own(self)
        except BaseException as exc:
            execution.session.raised_in(execution, exc)
            raise
        finally:
            execution.running = False
            if not execution.session.over:
                self.__class__ = face
                if execution.heard:
                    execution.session.hush(execution)

    return run


def _nested(node: Any, own: Callable[..., Any], execution: Any) -> Any:
    if is_quiet(node):
        listen(node)
        execution.heard.append(node)
    return own(node)


def _setup(own: Callable[..., Any]) -> Callable[..., Any]:
    """Return the method by which a run begins, and by which nested strategies get their paper."""

    def setup(self: Any, universe: Any, **kwargs: Any) -> Any:
        held = self.__dict__.get("_capture")
        if type(held) is Waiting:
            from capture_bt.session import begin

            return begin(self, held.config, universe, kwargs, sys._getframe(1))
        if type(held) is Voice:
            held.execution.session.setting_up(self, held)
        return own(self, universe, **kwargs)

    return setup


def _reduce(node: Any, _protocol: Any) -> tuple[Any, ...]:
    """Let a node be pickled by its own class, which has a name."""
    return _rebuilt, (original(node),), node.__getstate__()


def _rebuilt(own: type) -> Any:
    made: Any = quiet(own)
    return made.__new__(made)
