"""Running topologies: signals without portfolios, and portfolios without strategies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from capture.errors import DataMismatch, NotReplayable
from capture_builtin.account import Account
from capture_builtin.backtest import check_stages, results_of, stage_names
from capture_builtin.bus import Topic
from capture_builtin.engine import Engine
from capture_builtin.feeds import Feed
from capture_builtin.needs import Feature
from capture_builtin.recording.session import Session
from capture_builtin.streamer import SignalStreamerComponent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from capture.config import SignalCaptureConfig
    from capture.contracts.replay import ReplaySource
    from capture.contracts.topology import PortfolioPlan, StrategyPlan
    from capture_builtin.backtest import Results
    from capture_builtin.bus import Event
    from capture_builtin.needs import Needs

__all__ = ["feed_of", "generate", "needs_of", "trade"]


def feed_of(
    *,
    symbol: str,
    timeframe: str | None = None,
    file: str | None = None,
    store: str | None = None,
    frame: Any = None,
    time: str | None = None,
    nan: Any = "refuse",
) -> Feed:
    """Return bars as the configuration of a feed says them."""
    if file is not None:
        return Feed.from_file(file, symbol, timeframe=timeframe, time=time, nan=nan)
    if store is not None:
        from capture.store.store import open_store

        return Feed.from_store(open_store(store), symbol, timeframe)
    if hasattr(frame, "column_names"):
        return Feed.from_table(frame, symbol, timeframe)
    return Feed.from_frame(frame, symbol, timeframe, time=time, nan=nan)


def needs_of(plan: StrategyPlan, strategy: Any) -> Needs:
    """Return what a strategy sees: what it declares, and what its plan says beyond that."""
    needs: Needs = strategy.needs()
    changes: dict[str, Any] = {}
    if plan.symbols is not None:
        changes["symbols"] = tuple(plan.symbols)
    if plan.timeframe is not None:
        changes["timeframe"] = plan.timeframe
    if plan.mode is not None:
        changes["mode"] = plan.mode
    made = {name: Feature(said.pop("use"), **said) for name, said in
            ((name, dict(said)) for name, said in plan.features.items())}  # fmt: skip
    changes["features"] = {**needs.features, **made}
    changes["classifiers"] = {**needs.classifiers, **plan.classifiers}
    return needs.with_(**changes)


def generate(
    feeds: Sequence[Feed],
    strategies: Mapping[str, StrategyPlan],
    config: SignalCaptureConfig,
    *,
    name: str,
    settings: Mapping[str, Any],
) -> str:
    """Run strategies without a portfolio, recorded; return the identity of the run."""
    engine = Engine(feeds)
    for strategy_id, plan in strategies.items():
        strategy = plan.strategy(**plan.params)
        engine.add_strategy(strategy_id, strategy, needs=needs_of(plan, strategy))
    session = Session(config)
    session.open(engine, None, settings, name)
    try:
        engine.run()
    except BaseException as exc:
        session.failed(exc)
        raise
    session.ended()
    return session.engine.run_id


def trade(
    sources: Sequence[ReplaySource],
    portfolios: Mapping[str, PortfolioPlan],
    config: SignalCaptureConfig | None = None,
    *,
    name: str = "",
) -> dict[str, Results]:
    """Replay recorded signals into portfolios; return the results of each by name.

    Args:
        sources: the recorded strategies.
        portfolios: how each trades, and whose signals.
        config: how each portfolio's replay is recorded, as a run of its own; None records none.
        name: what the replays are called.
    """
    feeds = base_feeds(sources)
    for plan in portfolios.values():
        check_stages(plan.stages)
        for source in sources:
            source.check_settings({**plan.settings.to_mapping(), **stage_names(plan.stages)})
    if config is None:
        return _together(feeds, sources, portfolios, None, name)
    found: dict[str, Results] = {}
    for one, plan in portfolios.items():
        said = f"{name}_{one}" if name else one
        found |= _together(feeds, sources, {one: plan}, config, said)
    return found


def _together(
    feeds: Sequence[Feed],
    sources: Sequence[ReplaySource],
    portfolios: Mapping[str, PortfolioPlan],
    config: SignalCaptureConfig | None,
    name: str,
) -> dict[str, Results]:
    engine = Engine(feeds)
    streams = [SignalStreamerComponent(s, engine.feeds, engine.cursor) for s in sources]
    events: list[Event] = []
    statuses: list[Event] = []
    engine.bus.subscribe(Topic.FILL, events.append)
    engine.bus.subscribe(Topic.STATUS, statuses.append)
    every = [stream.strategy_id for stream in streams]
    for one, plan in portfolios.items():
        wanted = every if plan.strategies is None else list(plan.strategies)
        engine.add_portfolio(one, plan.settings, wanted, **plan.stages)
    first = engine.portfolios[0]
    for stream in streams:
        engine.add_component(stream)
        if config is not None:
            places = {symbol: place for place, symbol in enumerate(engine.symbols)}
            stream.strategy._account = Account(first, places, stream.symbols[0])
    session = None
    if config is not None:
        session = Session(config, replays=True)
        plan = next(iter(portfolios.values()))
        settings = {**plan.settings.to_mapping(), **stage_names(plan.stages)}
        session.open(engine, first, settings, name)
    try:
        engine.run()
    except BaseException as exc:
        if session is not None:
            session.failed(exc)
        raise
    if session is not None:
        session.ended()
    return {
        portfolio.name: results_of(
            engine,
            portfolio,
            [event for event in events if event.payload.portfolio == portfolio.name],
            None,
            [event for event in statuses if event.payload.portfolio == portfolio.name],
        )
        for portfolio in engine.portfolios
    }


def base_feeds(sources: Sequence[ReplaySource]) -> list[Feed]:
    """Return the bars that recorded strategies ran on, each series once."""
    feeds: dict[tuple[str, str], Feed] = {}
    for source in sources:
        for (symbol, timeframe), table in source.series().items():
            known = feeds.get((symbol, timeframe))
            if known is None:
                feeds[symbol, timeframe] = Feed.from_table(table, symbol, timeframe)
            elif not known.table.equals(table):
                raise DataMismatch(
                    source.run_id, f"strategies ran on different bars of {symbol} {timeframe}"
                )
    if not feeds:
        raise NotReplayable(sources[0].run_id, "it holds no bars", "record it again")
    return list(feeds.values())
