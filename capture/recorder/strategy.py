"""`CaptureAwareStrategy`: records the signals of anything that has `generate_signal`."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from capture.errors import CaptureError, CaptureWarning, InvalidEvent, UnsupportedStrategy
from capture.events import Reason, SignalStatus
from capture.recorder.current import Note, enter, leave
from capture.recorder.getters import Getters, market_context

if TYPE_CHECKING:
    from collections.abc import Callable

    from capture.recorder.engine import SignalCaptureEngine

__all__ = ["CaptureAwareStrategy"]

_OWN: Final = frozenset({"_strategy", "_engine", "_strategy_id", "_failed", "_getters"})


class CaptureAwareStrategy:
    """Stands in for a strategy and records what its `generate_signal` returns.

    The context is taken before `generate_signal` is called, from the market data and from those
    getters that the strategy has. A getter that is missing or that raises leaves its field empty.
    `capture.note` belongs to the signals that the call returns, or to the bar if there are none.
    Every other attribute is the strategy's own.
    """

    def __init__(
        self, strategy: Any, engine: SignalCaptureEngine, *, strategy_id: str | None = None
    ) -> None:
        """Wrap a strategy.

        Args:
            strategy: an object with `generate_signal(market_data)`.
            engine: records the signals.
            strategy_id: identity in the recording; by default the strategy's own, or its class.
        """
        if not callable(getattr(strategy, "generate_signal", None)):
            raise UnsupportedStrategy(strategy, ["objects with generate_signal(market_data)"], [])
        self._strategy = strategy
        self._engine = engine
        self._strategy_id = strategy_id or _own_name(strategy)
        self._failed: set[str] = set()
        self._getters = Getters(strategy, self._warn)

    def generate_signal(self, market_data: Any, *args: Any, **kwargs: Any) -> Any:
        """Return what the strategy returns; signals in it are recorded."""
        symbol, context = self._context(market_data)
        notes = _Notes()
        enter(notes)
        try:
            result = self._strategy.generate_signal(market_data, *args, **kwargs)
        finally:
            leave(notes)
        recorded = [(signal, self._record(signal, context, symbol)) for signal in _signals(result)]
        for note in notes.taken:
            self._guarded("notes", self._keep, note, recorded, context, symbol)
        return result

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name in _OWN:
            raise AttributeError(name)
        return getattr(self._strategy, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _OWN:
            object.__setattr__(self, name, value)
        else:
            setattr(self._strategy, name, value)

    def _context(self, market_data: Any) -> tuple[Any, dict[str, Any]]:
        try:
            symbol, context = market_context(market_data)
        except Exception as exc:  # the strategy may understand what this does not
            self._warn("market data", f"the market data could not be read: {exc}")
            symbol, context = market_context({})
        context["strategy_id"] = self._strategy_id
        return symbol, context | self._getters.ask(symbol)

    def _record(self, signal: Any, context: dict[str, Any], symbol: Any) -> str | None:
        if isinstance(signal, Mapping) and signal.get("symbol") is None:
            signal = {**signal, "symbol": symbol}
        identity: str | None = self._guarded(
            "signals", self._engine.capture_signal, signal, context
        )
        return identity

    def _guarded(self, table: str, record: Callable[..., Any], *said: Any) -> Any:
        """Record something; in a user's run a bad event is kept aside, and the run goes on."""
        try:
            return record(*said)
        except InvalidEvent as exc:
            self._guarded("quarantine", self._engine.quarantine, table, said, exc)
            self._warn(f"{table} {exc.field}", f"an event for {table} was quarantined: {exc}")
        except CaptureError as exc:
            self._warn("capture", f"{table} are not recorded: {exc}")
        return None

    def _keep(
        self,
        note: Note,
        recorded: list[tuple[Any, str | None]],
        context: dict[str, Any],
        symbol: Any,
    ) -> None:
        """Keep a note with the signal it names, with all of the call, or else with the bar."""
        where = {k: context.get(k) for k in ("bar_index", "timeframe", "timestamp")}
        where |= {"strategy_id": self._strategy_id, "symbol": symbol}
        owners = [identity for _, identity in recorded if identity is not None]
        if note.signal is not None:
            owners = [i for s, i in recorded if s is note.signal and i is not None] or owners
        if note.refuses:
            held_back = self._refused(note, context, symbol)
            owners = [] if held_back is None else [held_back]
        value = note.reason if note.value is None and note.reason is not None else note.value
        for owner in owners or (None,):
            self._engine.note(note.name, value, signal_id=owner, **where)

    def _refused(self, note: Note, context: dict[str, Any], symbol: Any) -> str | None:
        """Record the signal that the strategy's own filter held back."""
        held_back = {"symbol": symbol, "direction": note.direction}
        identity = self._engine.capture_signal(held_back, context)
        if identity is not None:
            self._engine.capture_status(
                identity,
                SignalStatus.REJECTED,
                Reason.FILTERED,
                actor="strategy",
                detail=f"{note.name}: {note.reason}" if note.reason else note.name,
            )
        return identity

    def _warn(self, what: str, message: str) -> None:
        if what not in self._failed:
            self._failed.add(what)
            warnings.warn(f"{self._strategy_id}: {message}", CaptureWarning, stacklevel=5)


class _Notes:
    """Takes the notes of one call, until it is known which signals they belong to."""

    def __init__(self) -> None:
        self.taken: list[Note] = []

    def note(self, note: Note) -> None:
        """Take a note."""
        self.taken.append(note)


def _own_name(strategy: Any) -> str:
    own = getattr(strategy, "strategy_id", None)
    return own if isinstance(own, str) and own else type(strategy).__name__


def _signals(result: Any) -> Iterable[Any]:
    """Return the signals in what a strategy returned: none, one or several."""
    if result is None:
        return ()
    if isinstance(result, (list, tuple)) and not hasattr(result, "_fields"):
        return [signal for signal in result if signal is not None]
    return (result,)
