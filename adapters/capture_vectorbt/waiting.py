"""Calls that were heard and are not yet written: what the user waits for, and what not.

When a constructor returns, its call and its arrays are copied and kept in a file; the records of
the portfolio are only written there, and read back later. All else takes longer than the call
itself, and is done for several calls at once: when the outermost `with` ends, when its recordings
are asked for, or when much waits.
"""

from __future__ import annotations

import json
import os
from collections import deque
from dataclasses import dataclass, replace
from threading import RLock
from typing import TYPE_CHECKING, Any, Final

from capture.errors import CaptureError
from capture.observers import is_let_through
from capture.recorder.facts import config_record
from capture.store.layout import new_run_id
from capture_vectorbt.copying import Copies, made
from capture_vectorbt.keeping import Keeper
from capture_vectorbt.spill import Filed, Spill

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from capture.config import SignalCaptureConfig
    from capture_vectorbt.calls import Call
    from capture_vectorbt.indicators import Indicators, Seen

__all__ = ["STRATEGY", "Heard", "Waiting"]

STRATEGY: Final = "vectorbt"

_MOST_CALLS: Final = 32
_MOST_BYTES: Final = 64 * 1024 * 1024
"""How much may wait; a call that brings more is written at once."""

_CHANGEABLE: Final = ("close", "init_cash", "call_seq")
"""What a portfolio is made of that can be written to, beside its records."""

_RECORDS: Final = ("order_records", "log_records")
"""What the simulation has written: a large part of all, and copied only where there is no file."""


@dataclass(frozen=True)
class Heard:
    """A call that has returned.

    Attributes:
        call: what was called.
        portfolio: what it returned.
        indicators: those that were there.
        changeable: what of the portfolio the user could change, as it was.
        run_id: identity of the run that it becomes; None: a new one.
        end: where it ends in the file of waiting calls, if it is there.
        recovered: whether its process died before it was written.
        lacks: whether it had indicators, of which nothing is known any more.
    """

    call: Call
    portfolio: Any
    indicators: list[Seen]
    changeable: Mapping[str, Any]
    run_id: str | None = None
    end: int | None = None
    recovered: bool = False
    lacks: bool = False

    @property
    def account(self) -> Any:
        """The portfolio as it was when it was returned."""
        return self.portfolio.replace(**made(self.changeable))


class Waiting:
    """Owns the calls that wait, and the file that holds them meanwhile."""

    def __init__(
        self, config: SignalCaptureConfig, write: Callable[[Heard], None], *, patient: bool
    ) -> None:
        """Begin with none.

        Args:
            config: how to record.
            write: writes a call.
            patient: whether calls may wait at all.
        """
        self._config = config
        self._write = write
        self._patient = patient and config.durability != "fsync"
        self._spill: Spill | None = None
        self._calls: deque[Heard] = deque()
        self._nbytes = 0
        self._lock = RLock()
        self._process = os.getpid()
        self._config_text = ""

    def hear(self, call: Call, portfolio: Any, indicators: Indicators) -> None:
        """Keep a call that has returned; write it at once if it cannot wait."""
        self._forget_parents()
        with self._lock:
            bars, config = portfolio.wrapper.shape[0], portfolio.config
            wanted = call.signal_bars(bars) if self._patient else None
            waits = self._patient and call.is_simulated
            file = Filed() if waits and self._spill is not None else None
            copies = Copies() if file is None else file
            call.keep(copies)
            changeable = {name: copies.of(config[name]) for name in _CHANGEABLE}
            seen = indicators.seen(bars, copies if file is None else file.others, wanted)
            for name in _RECORDS:  # those that do not wait are written before the user goes on
                own = config[name]
                changeable[name] = file.add(own) if file else copies.of(own) if waits else own
            heard = Heard(call, portfolio, seen, changeable)
            if file is not None:
                kept = self._spilled(heard, file)
                heard, waits = kept or heard, kept is not None
                if kept is None:
                    file.hold()
                self._nbytes += file.others.nbytes
            self._nbytes += copies.nbytes
            self._calls.append(heard)
            if not waits or len(self._calls) >= _MOST_CALLS or self._nbytes > _MOST_BYTES:
                self.flush()

    def prepare(self) -> None:
        """Have the file before the first call that waits."""
        self._forget_parents()
        if not self._patient or self._spill is not None or self._config.durability != "journal":
            return
        self._config_text = json.dumps(config_record(self._config))
        try:
            self._spill = Spill(self._config.storage_path)
        except (CaptureError, OSError):
            self._patient = False  # to write at once says what is wrong

    def flush(self) -> None:
        """Write every call that waits, in the order in which they were made.

        What observers raise loses none of them: the first of it is raised when all are written.
        """
        self._forget_parents()
        raised: Exception | None = None
        with self._lock:
            while self._calls:
                heard = self._calls.popleft()
                try:
                    self._write(heard)
                except Exception as exc:
                    if not is_let_through(exc):
                        raise
                    raised = raised or exc
                self._written(heard)
            self._nbytes = 0
        if raised is not None:
            raise raised

    def _written(self, heard: Heard) -> None:
        if self._spill is not None and heard.end is not None:
            self._spill.done(heard.end)

    def close(self) -> None:
        """Write every call that waits, and remove the file."""
        try:
            self.flush()
        finally:
            if self._spill is not None:
                self._spill.close()
                self._spill = None

    def _forget_parents(self) -> None:
        """Leave to the parent of a fork what waited there; in the child nothing waits."""
        if self._process != os.getpid():
            self._process, self._patient, self._lock = os.getpid(), False, RLock()
            self._calls.clear()
            self._nbytes = 0
            if self._spill is not None:
                self._spill.disown()
                self._spill = None

    def _spilled(self, heard: Heard, file: Filed) -> Heard | None:
        """Keep a call in the file; None if it cannot be kept there."""
        call, keeper = heard.call, Keeper(file.place, brief=True)
        arguments = {name: keeper.argument(name, value) for name, value in call.given.items()}
        records = [heard.changeable[name] for name in _RECORDS]
        run_id, labels = new_run_id(STRATEGY), heard.portfolio.wrapper.columns
        said = {
            "run_id": run_id,
            "started_ns": call.started_ns,
            "outer": call.outer,
            "constructor": call.constructor,
            "arguments": arguments,
            "indexes": keeper.indexes,
            "records": [(each.at, each.shape[0]) for each in records],
            "indicators": any(each.fits(labels) for each in heard.indicators),
        }
        settings = _SETTINGS.text(call.settings)
        if keeper.unkept or settings is None:
            return None
        parts = (
            json.dumps(said)[:-1],
            f', "config": {self._config_text}',
            f', "settings": {settings}',
        )
        assert self._spill is not None
        try:
            end = self._spill.keep("".join((*parts, "}")), file.every)
        except OSError:
            return None  # to write it at once says what is wrong
        file.written(self._spill, end - file.nbytes)
        return replace(heard, run_id=run_id, end=end)


class _Settings:
    """vectorbt's global settings as text, which are mostly the same as before."""

    def __init__(self) -> None:
        self._last: tuple[Mapping[str, Any], str] = ({}, "{}")

    def text(self, settings: Mapping[str, Any]) -> str | None:
        """Return the settings as JSON; None if they cannot be kept without the call's own file."""
        known, text = self._last
        if known != settings:
            keeper = Keeper(lambda _name, _values: None, brief=True)
            text = json.dumps({n: keeper.argument(n, value) for n, value in settings.items()})
            if keeper.unkept or keeper.arrays or keeper.indexes:
                return None
            self._last = settings, text
        return text


_SETTINGS: Final = _Settings()
