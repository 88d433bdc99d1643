"""`capture.replay`: a recording on its way into a backtester."""

from __future__ import annotations

from inspect import Parameter, signature
from typing import TYPE_CHECKING, Any, Final, get_args

from capture.config import SignalCaptureConfig
from capture.contracts.replay import ReplayMode
from capture.errors import ConfigError, NotReplayable, UnknownName, did_you_mean
from capture.filters import Predicate
from capture.host import get_host
from capture.replaying.boundaries import BoundaryPlan
from capture.replaying.regimes import BoundaryAwareReplay
from capture.replaying.slices import strategy_of
from capture.replaying.source import Divergence, Source
from capture.store.recording import a_recording

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    import pandas as pd

    from capture.replaying.boundaries import Policy
    from capture.replaying.regimes import Wanted
    from capture.spans import Moment
    from capture.store.recording import Conditions, Recording

__all__ = ["Replay", "replay"]

_MODES: Final = get_args(ReplayMode)


def replay(  # noqa: PLR0913 - each is a word that a user may say
    recording: Recording,
    mode: ReplayMode = "intent",
    *,
    strategy: str | None = None,
    symbols: Iterable[str] | None = None,
    start: Moment | None = None,
    end: Moment | None = None,
    where: Conditions = (),
    regime: Wanted | None = None,
    boundary: Policy | None = None,
) -> Replay:
    """Return a source that `.into(...)` turns into what a backtester runs.

    Args:
        recording: a run that has ended.
        mode: "intent" makes the recorded calls again; "target" collapses the calls of a bar to
            the wanted position; "signal" takes direction and strength alone.
        strategy: which strategy, of a recording that holds several, such as a grid.
        symbols: leave out the signals of other symbols.
        start: leave out earlier signals; without a time zone it is UTC.
        end: leave out later signals; a day, month or year is included whole.
        where: leave out signals that do not meet these conditions, as in `Recording.signals`:
            `"indicator_rsi < 30 and regime_trend == 'bull'"`.
        regime: replay the signals of a regime: a state such as "bull", several states, or states
            by the name of their classifier.
        boundary: what happens to a position that is open when the regime ends: "honour_exit" (the
            default), "force_flat", "carry" or "block_reentry"; see `BoundaryAwareReplay`.

    A filter leaves out whole signals, with their orders, cancels and edits.
    """
    a_recording(recording)
    if mode not in _MODES:
        raise ConfigError("mode", mode, f"choose one of {', '.join(_MODES)}")
    kept: list[Any] = [where] if isinstance(where, str) else list(where)
    if symbols is not None:
        kept.append(Predicate("symbol", "in", list(symbols)))
    if start is not None or end is not None:
        kept += _within(start, end)
    aware = None
    if regime is not None:
        aware = BoundaryAwareReplay(regime, boundary or "honour_exit")
    elif boundary is not None:
        raise ConfigError("boundary", boundary, "a boundary is one of a regime: name regime=, too")
    return Replay(recording, mode, strategy_of(recording, strategy), kept, aware)


def _within(start: Moment | None, end: Moment | None) -> Iterator[Predicate]:
    from capture.spans import first_moment, last_moment  # pandas takes a while

    if start is not None:
        yield Predicate("timestamp", ">=", first_moment("start", start))
    if end is not None:
        yield Predicate("timestamp", "<=", last_moment("end", end))


def _names(source: Source) -> dict[str, Any]:
    """Return what the replay calls its data: as the recording did, where that was one thing."""
    if len(source.traded) != 1:
        return {}
    return {name: source.traded[0][name] for name in ("symbol", "timeframe")}


class Replay:
    """What is to be replayed, and how; nothing runs before a backtester runs it.

    Example:
        ```python
        Backtest(GOOG, capture.replay(recording).into("backtesting"), cash=10_000).run()
        ```
    """

    def __init__(
        self,
        recording: Recording,
        mode: ReplayMode,
        strategy_id: str,
        where: Sequence[Any] = (),
        boundaries: BoundaryAwareReplay | None = None,
    ) -> None:
        """Keep what was asked for."""
        self.recording = recording
        self.mode = mode
        self.strategy_id = strategy_id
        self._where = tuple(where)
        self._boundaries = boundaries
        self._source: Source | None = None

    def __repr__(self) -> str:
        return f"Replay({self.recording.run_id!r}, mode={self.mode!r})"

    @property
    def divergence(self) -> Divergence | None:
        """Where the replay's position left the captured one; None before, or if it never did."""
        return None if self._source is None else self._source.divergence

    @property
    def boundary_trades(self) -> pd.DataFrame:
        """The positions that were open when their regime ended, and what becomes of them."""
        return (self._made().plan or BoundaryPlan(frozenset(), frozenset(), (), ())).to_frame()

    def source(self, host: str, *, force: bool = False) -> Source:
        """Return what an adapter is handed, once its filters are known to be met.

        Args:
            host: name of the backtester.
            force: replay even where the strategy looked at its portfolio and settings differ.

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
        source = self._made(force)
        source.check_filters()
        self._source = source
        return source

    def _made(self, force: bool = False) -> Source:
        return Source(
            self.recording,
            self.mode,
            self.strategy_id,
            force,
            where=self._where,
            boundaries=self._boundaries,
        )

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
        known = set(SignalCaptureConfig.__dataclass_fields__)
        source = self.source(host, force=force)
        if store is not None:
            mine = {name: options.pop(name) for name in list(options) if name in known}
            source.config = SignalCaptureConfig.from_options(
                store, {**_names(source), **mine}, invalid="quarantine"
            )
        # The contract names what adapters read as attributes; a source computes some of them.
        adapter: Any = get_host().adapter(host)
        taken = signature(adapter.replay).parameters
        open_ended = any(parameter.kind is Parameter.VAR_KEYWORD for parameter in taken.values())
        for name, value in options.items():
            if name not in taken and not open_ended:
                if name in known:
                    raise ConfigError(name, value, "it needs store=, to record the replay")
                hint = did_you_mean(name, known | set(taken))
                raise ConfigError(name, value, f"{host} has no such option.{hint}")
        return adapter.replay(source, **options)
