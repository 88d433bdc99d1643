"""What adapters of hosts with a strategy have in common: rows, words, notes, and source texts.

An adapter declares its rows once and appends plain values. These are the rows that do not depend on
the host; what an order says does, and stands in the adapter.
"""

from __future__ import annotations

import inspect
import os
import weakref
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa

from capture.events import Reason, SignalStatus
from capture.journal import NULL_FLOAT, NULL_INT, Field
from capture.recorder.facts import config_record
from capture.store.run import RunStart

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from capture.config import SignalCaptureConfig
    from capture.contracts.replay import ReplaySource
    from capture.recorder.current import Note
    from capture.recorder.engine import SignalCaptureEngine

__all__ = [
    "FILL",
    "STATUS",
    "Meaning",
    "Words",
    "likeness",
    "order_columns",
    "price_of",
    "same_columns",
    "slippage_of",
    "source_of",
    "start_record",
    "type_of",
    "with_rests",
    "write_note",
]


class Meaning(NamedTuple):
    """What a call asks for.

    Attributes:
        side: 1 buys, -1 sells, 0 where nothing was ordered.
        direction: sign of the change that is wanted, 0 for flat.
        size: how much, in the unit of `kind`.
        kind: the unit.
    """

    side: int
    direction: int
    size: float
    kind: str


FILL: Final = (
    Field("signal_seq", "int"),
    Field("order_seq", "int"),
    Field("bar_index", "int"),
    Field("decision_bar", "int"),
    Field("side", "small"),
    Field("size", "float"),
    Field("price", "float"),
    Field("commission", "float"),
    Field("position_after", "float"),
    Field("trade_number", "int"),
    Field("effect", "word"),
)
"""A fill; `effect` is whether it opens, reduces or closes the trade of this number."""

STATUS: Final = (
    Field("signal_seq", "int"),
    Field("order_seq", "int"),
    Field("bar_index", "int"),
    Field("status", "word"),
    Field("reason", "word"),
    Field("actor", "word"),
)
"""What became of a signal or an order, and who decided."""

Outcome: TypeAlias = tuple[SignalStatus, Reason, str, str | None]
"""What can become of a signal, why, who decided, and the host's own word for it."""


def with_rests(outcomes: Mapping[str, Outcome], *names: str) -> dict[str, Outcome]:
    """Return outcomes by name, and what these are of an order of which a part was filled.

    What was filled stays filled; the reason says why the rest was not.
    """
    filled = SignalStatus.PARTIALLY_FILLED
    return {**outcomes, **{f"rest_{name}": (filled, *outcomes[name][1:]) for name in names}}


def same_columns(fields: Sequence[Field]) -> dict[str, str]:
    """Return the columns of a share that has a joint record's fields under their own names."""
    return {name: name for name, _ in fields}


def order_columns(
    intent: Sequence[Field], signal: Sequence[Field], *without: str
) -> dict[str, str]:
    """Return the columns of the order in a record that is a signal and its order.

    Args:
        intent: fields of the record; those of the signal come first.
        signal: fields of the signal.
        without: fields that are in no column of their own.
    """
    own = same_columns(intent[len(signal) :])
    for name in without:
        del own[name]
    return {"signal_seq": "seq", "bar_index": "bar_index", **own}


def start_record(
    config: SignalCaptureConfig,
    source: ReplaySource | None,
    code: Callable[[], str | None],
    **said: Any,
) -> RunStart:
    """Return the start record of a run, or of a replay of one.

    Args:
        config: how it is recorded.
        source: of a replay, what it repeats.
        code: returns the strategy's source text; it is not asked in a replay.
        **said: host, its version, strategy, parameters, settings, libraries.
    """
    facts = {
        "config": config_record(config),
        "backend": config.backend,
        "seed": config.seed,
        **said,
    }
    if source is None:
        return RunStart(**facts, code=code())
    start: RunStart = source.start(**facts)
    return start


def slippage_of(columns: Mapping[str, Any], closes: Callable[[Any], Any]) -> dict[str, Any]:
    """Return what fills were expected to cost, and how much more they cost.

    Args:
        columns: those of the fills.
        closes: returns the closes of bars; -1 stands for none. The close of the bar in which a fill
            was decided is what the decision saw.

    Null where no decision led to the fill: a bracket was touched, or the run came to its end.
    """
    decided = np.asarray(columns["decision_bar"], dtype=np.float64)
    known = decided >= 0
    expected = closes(np.where(known, decided, -1).astype(np.int64))
    slippage = (columns["price"] - expected) * columns["side"]
    return {
        "expected_price": pa.array(expected, mask=~known),
        "slippage": pa.array(slippage, mask=~known),
    }


def write_note(
    engine: SignalCaptureEngine, note: Note, *, signal_seq: int = NULL_INT, **more: Any
) -> None:
    """Keep what a strategy notes, with the signal of this number if there is one.

    Args:
        engine: the recorder.
        note: what it said.
        signal_seq: number of a signal.
        **more: columns of the note, such as its bar.
    """
    signal_id = None
    if signal_seq >= 0:
        more["signal_seq"] = signal_seq
        signal_id = engine.signal_id(signal_seq)
    engine.note(note.name, note.said, signal_id=signal_id, **more)


def type_of(direction: int, side: int, units: float, held: float) -> str:
    """Return what a signal does to the position that is held, or will be after earlier calls."""
    if not direction:
        return "exit"
    if not held:
        return "entry"
    if held * (side or direction) > 0 or units < abs(held):
        return "adjustment"
    return "exit" if units == abs(held) else "entry"


def price_of(value: Any) -> float:
    """Return a price as a number; the null of the journal where there is none."""
    return NULL_FLOAT if value is None else float(value)


class Words(dict[str, int]):
    """The numbers that stand for words; a new word is interned when it is first used."""

    def __init__(self, intern: Callable[[str], int]) -> None:
        """Begin with none."""
        super().__init__()
        self._intern = intern

    def __missing__(self, text: str) -> int:
        """Intern a word."""
        code = self[text] = self._intern(text)
        return code


_SOURCES: Final[weakref.WeakKeyDictionary[Any, str | None]] = weakref.WeakKeyDictionary()
_PARSING: Final[Any] = Lock()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_PARSING._at_fork_reinit)


def likeness(own: type) -> dict[str, Any]:
    """Return the members by which a class that is made while a run goes on looks like its own."""
    return {name: getattr(own, name) for name in ("__module__", "__qualname__", "__doc__")}


def source_of(strategy: Any) -> str | None:
    """Return the source text of a class or a function; None of one that was typed at a prompt."""
    # Finding a class parses its file: once is enough, and some Pythons cannot do it in two threads.
    with _PARSING:
        if strategy not in _SOURCES:
            try:
                _SOURCES[strategy] = inspect.getsource(strategy)
            except (OSError, TypeError, SystemError):
                _SOURCES[strategy] = None
        return _SOURCES[strategy]
