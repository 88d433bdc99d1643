"""One captured run: its beginning, what is told in between, and its end."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from capture.errors import CaptureError
from capture.events import Bar, RunState
from capture.recorder.current import enter, leave
from capture.recorder.ending import Stopping, end_run
from capture.recorder.engine import SignalCaptureEngine
from capture_builtin.backtest import Observer, stage_names
from capture_builtin.bus import Topic
from capture_builtin.recording import notes
from capture_builtin.recording.ending import equity_table, trade_table
from capture_builtin.recording.intents import Intents
from capture_builtin.recording.opening import Writing, parameters, start_of
from capture_builtin.recording.outcomes import Outcomes
from capture_builtin.recording.perturbing import cut, keep_indicators, perturbed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from capture.config import SignalCaptureConfig
    from capture.recorder.current import Note
    from capture.study.portfolio.settings import PortfolioSettings
    from capture_builtin.backtest import Results
    from capture_builtin.bus import Event
    from capture_builtin.engine import Engine
    from capture_builtin.feeds import Feed
    from capture_builtin.portfolio import Portfolio

__all__ = ["Session"]


class Session(Stopping, Observer):
    """Writes the recording of one run.

    Attributes:
        engine: the recorder, once the run has begun.
        host: what runs.
        config: how it is recorded.
        problem: why recording stopped before the end, or None.
    """

    def __init__(self, config: SignalCaptureConfig, *, replays: bool = False) -> None:
        """Prepare to record; nothing is written yet.

        Args:
            config: how to record.
            replays: whether it is a replay that is recorded, which no rehearsal changes.
        """
        self.config = config
        self._replays = replays
        self.problem: str | None = None
        self.engine: SignalCaptureEngine
        self.host: Engine
        self._portfolio: Portfolio | None = None
        self._writing: dict[str, Writing] = {}
        self._outcomes: Outcomes | None = None
        self._intents: Intents
        self._name = ""

    # --- before the first bar ----------------------------------------------------------------

    def prepare(
        self, feeds: list[Feed], settings: PortfolioSettings
    ) -> tuple[list[Feed], PortfolioSettings]:
        """Return the bars and settings of the run; on rehearsal, others than the user's."""
        if self.config.symbol and len(feeds) == 1:
            feeds = [replace(feeds[0], symbol=self.config.symbol)]
        if self.config.timeframe and len(feeds) == 1:
            feeds = [replace(feeds[0], timeframe=self.config.timeframe)]
        return (feeds, settings) if self._replays else (cut(feeds), perturbed(settings))

    def begin(self, engine: Engine, portfolio: Portfolio | None, stages: Mapping[str, Any]) -> None:
        """Begin the recording of a run whose strategies are there."""
        settings = {} if portfolio is None else portfolio.settings.to_mapping()
        self.open(engine, portfolio, {**settings, **stage_names(stages)})

    def open(
        self,
        engine: Engine,
        portfolio: Portfolio | None,
        settings: Mapping[str, Any],
        name: str | None = None,
    ) -> None:
        """Begin the recording.

        Args:
            engine: what runs.
            portfolio: whose fills are recorded; None where there is none.
            settings: the host's settings.
            name: what the run is called; the strategy's name if there is one strategy.
        """
        self.host, self._portfolio = engine, portfolio
        components = engine.sources
        first = components[0]
        self._name = name or first.strategy_id
        one = len(components) == 1
        params = (
            parameters(first.strategy)
            if one
            else {c.strategy_id: parameters(c.strategy) for c in components}
        )
        run = start_of(
            first.strategy, config=self.config, strategy=self._name, params=params,
            settings=settings,
        )  # fmt: skip
        if self._replays and not one:
            several = {"strategy_id": None, "strategies": [c.strategy_id for c in components]}
            run = replace(run, source={**run.source, **several})
        self.engine = SignalCaptureEngine(self.config, run=run)
        try:
            self._declare(engine)
        except BaseException as exc:
            self.engine.close(RunState.FAILED, problem=f"could not begin: {exc}")
            raise
        enter(self)

    def _declare(self, engine: Engine) -> None:
        for feed in engine.feeds:
            self.engine.add_base_data(feed.table, symbol=feed.symbol, timeframe=feed.timeframe)
        if any(feed.naive for feed in engine.feeds):
            self.engine.flag("naive_timestamps_taken_for_utc")
        feeds = {feed.symbol: feed for feed in engine.feeds[: len(engine.symbols)]}
        for component in engine.sources:
            sources = getattr(component.strategy, "source_ids", None)
            writing = Writing(self.engine, component, feeds, sources)
            self._writing[component.strategy_id] = writing
            writing.channels(component.symbols[0])  # also a run without a signal has parameters
        if self._portfolio is not None:
            self._outcomes = Outcomes(
                self.engine, engine, self._portfolio, self._writing, self.broken
            )
        self._intents = Intents(self.engine, engine, self._writing, self._outcomes, self.broken)
        observe = self.engine.observer("bars")
        if observe is not None:
            self._observe_bars(observe)

    def _observe_bars(self, observe: Any) -> None:
        feeds = {feed.series: feed for feed in self.host.feeds}

        def told(event: Event) -> None:
            symbol, timeframe, bar = event.payload
            feed = feeds[symbol, timeframe]

            def read() -> dict[str, Any]:
                values = {name: float(column[bar]) for name, column in feed.columns.items()}
                times = feed.table.select(["timestamp", "available_time"]).slice(bar, 1)
                moments = {n: times.column(n)[0].as_py() for n in times.column_names}
                return {"symbol": symbol, "timeframe": timeframe, **moments, **values}

            observe(Bar.lazy({"bar_index": bar}, read))

        self.host.bus.subscribe(Topic.BAR, told)

    # --- in between --------------------------------------------------------------------------

    def state(self, place: int) -> tuple[float, float, float]:
        """Return position, cash and equity at this moment; null where there is no portfolio."""
        return self._intents.state(place)

    def note(self, note: Note) -> None:
        """Keep what a strategy notes."""
        if self.problem is None:
            # A refused signal has a verdict at once; those before it come first.
            if self._outcomes is not None and (note.refuses or not self._outcomes.most):
                self._outcomes.settle()
            notes.keep(self, note)

    @staticmethod
    def seq_of(signal: Any) -> int:
        """Return the sequence number of a signal that a strategy gave; -1 of anything else."""
        return int(getattr(signal, "recorded", -1))

    def writing(self, strategy_id: str) -> Writing:
        """Return what a strategy is written through."""
        return self._writing[strategy_id]

    def broken(self, exc: CaptureError) -> None:
        """Say once that recording stopped; the run goes on unless the user chose that it halts."""
        self.problem = f"recording stopped at step {self.host.step}: {exc}"
        self._intents.over = True
        if self._outcomes is not None:
            self._outcomes.lose()
        self.say_stopped(exc, self._name)

    # --- the end -----------------------------------------------------------------------------

    def ended(self, results: Results | None = None) -> None:
        """Seal the recording of a run that came to its end."""
        self._close(RunState.ENDED, self.problem)

    def failed(self, error: BaseException) -> None:
        """Close the recording of a run that raised."""
        self.raised(error)

    def fail(self, problem: str) -> None:
        """Close the recording of a run that did not come to its end."""
        self._close(RunState.FAILED, self.problem or problem)

    def _close(self, state: RunState, problem: str | None) -> None:
        leave(self)
        if self._outcomes is not None:
            self._outcomes.end()
        reads: set[str] = set()
        for component in self.host.sources:
            account = getattr(component.strategy, "_account", None)
            reads |= set() if account is None else account.reads
            component.unbind()
        if reads:
            self.engine.flag("closed_loop", sorted(reads))
        trouble = end_run(self.engine, self._tables, state, problem)
        if trouble is not None:
            self.broken(trouble)

    def _tables(self) -> None:
        self._trace()
        if self._portfolio is not None and self.problem is None:
            strategy = self.host.sources[0].strategy_id
            equity = equity_table(self.host, self._portfolio, strategy)
            self.engine.append_table("equity", equity)
            trades = trade_table(self.host, self._portfolio)
            if trades.num_rows:
                self.engine.append_table("trades", trades)

    def _trace(self) -> None:
        for component in self.host.sources:
            feed = self.host.feeds[component.places[0]]
            columns = {
                f"indicator_{name}": np.asarray(track.at(feed.available_ns))
                for name, of in component.tracks.items()
                for track in list(of.values())[:1]
            }
            keep_indicators(
                self.engine.run_id, self.engine.part, component.strategy_id, feed, columns
            )
