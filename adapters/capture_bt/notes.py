"""What a strategy notes: a value with a signal or with the bar, or a signal it refused."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from capture.journal import NULL_INT
from capture.recorder.adapting import write_note
from capture_bt.execution import Voice

if TYPE_CHECKING:
    from capture.recorder.current import Note
    from capture_bt.opening import Opened
    from capture_bt.session import Session

__all__ = ["keep"]


def keep(session: Session, opened: Opened, said: Note) -> None:
    """Keep a value with the bar or with a symbol's last signal; with a direction, a refused one.

    Args:
        session: the run.
        opened: where it is written.
        said: the note. The host hands no orders out, so its signal is the name of a child: it
            belongs to the last signal for that on this bar.
    """
    if any(tree.running and tree.paper for tree in session.trees):
        return  # said once more by the strategy's twin on paper
    bar = max(session.bar, 0)
    more = {**opened.labels, "bar_index": bar}
    label = opened.timeline.labels_ns
    if label is not None and len(label):
        more["timestamp"] = int(label[bar])
    signal = said.signal
    told = None if signal is None else session.intents.last.get(str(signal))
    seq = told[1] if told is not None and told[0] == bar else NULL_INT
    if said.refuses:
        node = _speaker(session)
        symbol = str(signal if signal is not None else _only(opened, node))
        seq = session.intents.refused(symbol, node, node._capture, said.side)
        more["symbol"] = opened.called(symbol)
    elif signal is not None:
        more["symbol"] = opened.called(str(signal))
    write_note(opened.engine, said, signal_seq=seq, **more)


def _only(opened: Opened, node: Any) -> str:
    return opened.symbols[0] if len(opened.symbols) == 1 else str(node.name)


def _speaker(session: Session) -> Any:
    """Return the strategy whose algo is calling, as far as the stack tells."""
    frame: Any = sys._getframe(2)
    while frame is not None:
        for name in ("target", "self"):
            found = frame.f_locals.get(name)
            if type(getattr(found, "__dict__", {}).get("_capture")) is Voice:
                return found
        frame = frame.f_back
    return session.root
