"""`capture.replay`: a recording on its way into a backtester."""

from __future__ import annotations

from inspect import Parameter, signature
from typing import TYPE_CHECKING, Any, Final, get_args

from capture.config import SignalCaptureConfig
from capture.contracts.replay import ReplayMode
from capture.errors import ConfigError, NotReplayable, UnknownName, did_you_mean
from capture.filters import Predicate
from capture.host import get_host
from capture.recorder.checks import time_ns
from capture.replaying.source import Divergence, Source

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from pathlib import Path

    from capture.store.recording import Recording

__all__ = ["Replay", "replay"]

_MODES: Final = get_args(ReplayMode)


def replay(
    recording: Recording,
    mode: ReplayMode = "intent",
    *,
    strategy: str | None = None,
    symbols: Iterable[str] | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
) -> Replay:
    """Return a source that `.into(...)` turns into what a backtester runs.

    Args:
        recording: a run that has ended.
        mode: "intent" makes the recorded calls again; "target" collapses the calls of a bar to
            the wanted position; "signal" takes direction and strength alone.
        strategy: which strategy, of a recording that holds several, such as a grid.
        symbols: leave out the signals of other symbols.
        start: leave out earlier signals.
        end: leave out later signals.

    A filter leaves out whole signals, with their orders, cancels and edits.
    """
    if mode not in _MODES:
        raise ConfigError("mode", mode, f"choose one of {', '.join(_MODES)}")
    where: list[Predicate] = []
    if symbols is not None:
        where.append(Predicate("symbol", "in", list(symbols)))
    if start is not None:
        where.append(Predicate("timestamp", ">=", _time("start", start)))
    if end is not None:
        where.append(Predicate("timestamp", "<=", _time("end", end)))
    return Replay(recording, mode, _strategy_of(recording, strategy), where)


def _names(source: Source) -> dict[str, Any]:
    """Return what the replay calls its data: as the recording did, where that was one thing."""
    if len(source.base) != 1:
        return {}
    return {name: source.base[0][name] for name in ("symbol", "timeframe")}


def _time(name: str, value: datetime) -> Any:
    import pandas as pd

    return pd.Timestamp(time_ns(name, value), unit="ns", tz="UTC")


def _strategy_of(recording: Recording, wanted: str | None) -> str:
    """Return the strategy to replay; where there are several, one must be named."""
    known: set[str] = {s["strategy_id"] for part in recording.parts for s in part.segments}
    if wanted is not None:
        if wanted not in known:
            raise UnknownName("strategy of this recording", wanted, known)
        return wanted
    if not known:
        raise NotReplayable(recording.run_id, "it holds no strategy", "record a run with signals")
    if len(known) > 1:
        raise NotReplayable(
            recording.run_id,
            f"it holds {len(known)} strategies",
            f'name one: capture.replay(recording, strategy="{min(known)}")',
        )
    return next(iter(known))


class Replay:
    """What is to be replayed, and how; nothing runs before a backtester runs it.

    Example:
        ```python
        Backtest(GOOG, capture.replay(recording).into("backtesting"), cash=10_000).run()
        ```
    """

    def __init__(
        self, recording: Recording, mode: ReplayMode, strategy_id: str, where: Sequence[Predicate]
    ) -> None:
        """Keep what was asked for."""
        self.recording = recording
        self.mode = mode
        self.strategy_id = strategy_id
        self._where = tuple(where)
        self._source: Source | None = None

    def __repr__(self) -> str:
        return f"Replay({self.recording.run_id!r}, mode={self.mode!r})"

    @property
    def divergence(self) -> Divergence | None:
        """Where the replay's position left the captured one; None before, or if it never did."""
        return None if self._source is None else self._source.divergence

    def into(
        self, host: str, *, force: bool = False, store: str | Path | None = None, **options: Any
    ) -> Any:
        """Return what the backtester accepts where the strategy stood.

        Args:
            host: name of the backtester, such as "backtesting".
            force: replay even where the strategy looked at its portfolio and settings differ.
            store: record the replay there.
            **options: settings of the recorder (with `store`), and what the host's adapter takes.

        Raises:
            UnknownName: there is no adapter for such a backtester.
            NotReplayable: the recording comes from another backtester, and the mode is "intent".
        """
        adapters = get_host().adapters()
        if host not in adapters:
            raise UnknownName("backtester", host, adapters)
        if self.mode == "intent" and self.recording.manifest["host"] != host:
            raise NotReplayable(
                self.recording.run_id,
                f"its intents are those of {self.recording.manifest['host']}, not of {host}",
                'replay what it wanted instead: capture.replay(recording, mode="target")',
            )
        known = set(SignalCaptureConfig.__dataclass_fields__)
        source = Source(self.recording, self.mode, self.strategy_id, force, where=self._where)
        if store is not None:
            mine = {name: options.pop(name) for name in list(options) if name in known}
            source.config = SignalCaptureConfig.from_options(
                store, {**_names(source), **mine}, invalid="quarantine"
            )
        self._source = source
        adapter = adapters[host].get()
        taken = signature(adapter.replay).parameters
        open_ended = any(parameter.kind is Parameter.VAR_KEYWORD for parameter in taken.values())
        for name, value in options.items():
            if name not in taken and not open_ended:
                if name in known:
                    raise ConfigError(name, value, "it needs store=, to record the replay")
                hint = did_you_mean(name, known | set(taken))
                raise ConfigError(name, value, f"{host} has no such option.{hint}")
        return adapter.replay(source, **options)
