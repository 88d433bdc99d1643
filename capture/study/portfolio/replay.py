"""`replay_settings`: the signals of a recording under many settings at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from capture.errors import ConfigError
from capture.replaying.regimes import BoundaryAwareReplay
from capture.replaying.slices import strategies_of, strategy_of
from capture.replaying.source import Source
from capture.store.recording import a_recording
from capture.study.objectives import DEFAULT, objective
from capture.study.objectives.observing import Objective, Performance
from capture.study.portfolio.account import account_of
from capture.study.portfolio.market import market_of
from capture.study.portfolio.result import SettingsResult
from capture.study.portfolio.settings import PortfolioSettings
from capture.study.portfolio.signals import signals_of
from capture.study.portfolio.sparse import SparseReplay, Traded

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from capture.replaying.boundaries import Policy
    from capture.replaying.regimes import Wanted
    from capture.store.recording import Conditions, Recording
    from capture.study.portfolio.sparse import Engine

    Settings = Iterable[PortfolioSettings | Mapping[str, Any]] | PortfolioSettings

__all__ = ["evaluate", "prepare", "replay_settings"]


def prepare(
    recording: Recording,
    *,
    strategy: str | None = None,
    where: Conditions = (),
    regime: Wanted | None = None,
    boundary: Policy | None = None,
    periods_per_year: float | None = None,
    force: bool = False,
) -> SparseReplay:
    """Read the signals and bars of a recording once, for any number of settings.

    Args:
        recording: a run that has ended.
        strategy: which strategy, of a recording that holds several.
        where: leave out signals that do not meet these conditions, as in `Recording.signals`.
        regime: replay the signals of a regime, as in `capture.replay`.
        boundary: what happens to a position that is open when the regime ends.
        periods_per_year: how many periods of returns make a year; 252 days by default.
        force: replay even where the strategy looked at its portfolio.

    Raises:
        ClosedLoop: the strategy looked at its portfolio, and `force` is not set.
        NotReplayable: the recording lacks bars, or what a portfolio needs of them.
    """
    aware = None
    if regime is not None:
        aware = BoundaryAwareReplay(regime, boundary or "honour_exit")
    elif boundary is not None:
        raise ConfigError("boundary", boundary, "a boundary is one of a regime: name regime=, too")
    kept: list[Any] = [where] if isinstance(where, str) else list(where)
    chosen = strategy_of(recording, strategy)
    source = Source(recording, "signal", chosen, force, where=kept, boundaries=aware)
    source.check_settings({"portfolio": "settings of this replay"})
    signals, timeframes = signals_of(source)
    market = market_of(recording, source.base, timeframes)
    return SparseReplay(market, signals, run_id=recording.run_id, periods_per_year=periods_per_year)


def replay_settings(  # noqa: PLR0913 - each is a word that a user may say
    recording: Recording,
    settings: Settings,
    *,
    strategy: str | Sequence[str] | None = None,
    where: Conditions = (),
    regime: Wanted | None = None,
    boundary: Policy | None = None,
    objectives: Sequence[str | type[Objective]] = DEFAULT,
    periods_per_year: float | None = None,
    engine: Engine = "auto",
    force: bool = False,
) -> SettingsResult:
    """Return what the signals of a recording would have earned under each of many settings.

    No strategy is called, and the bars are read once. What a portfolio does with a signal stands
    in `docs/sparse-replay.md`; the numbers are those of the built-in backtester.

    Args:
        recording: a run that has ended.
        settings: portfolios, or mappings of their settings.
        strategy: which strategy, of a recording that holds several, such as a grid; several names,
            or "*" for all, give a row per strategy and settings.
        where: leave out signals that do not meet these conditions, as in `Recording.signals`.
        regime: replay the signals of a regime, as in `capture.replay`.
        boundary: what happens to a position that is open when the regime ends.
        objectives: what to compute, by name or as a class; the first is the one that counts.
        periods_per_year: how many periods of returns make a year; 252 days by default. Where bars
            have no times, periods are steps, and nothing is annualised unless it is said here.
        engine: "numba" or "numpy"; by default the quicker one that is installed.
        force: replay even where the strategy looked at its portfolio.

    Raises:
        ClosedLoop: the strategy looked at its portfolio, and `force` is not set.
        ConfigError: a setting cannot be used, or not over signals alone; it is named.
        NotReplayable: the recording lacks bars, or what a portfolio needs of them.

    Example:
        ```python
        grid = [PortfolioSettings(sizer="equity_fraction", size=n / 100) for n in range(1, 101)]
        replay_settings(recording, grid).best("sharpe")
        ```
    """
    a_recording(recording)
    chosen = _settings(settings)
    measures = _measures(objectives)
    replays = {
        name or recording.run_id: prepare(
            recording,
            strategy=name or None,
            where=where,
            regime=regime,
            boundary=boundary,
            periods_per_year=periods_per_year,
            force=force,
        )
        for name in _strategies(recording, strategy)
    }
    return evaluate(replays, chosen, measures, engine=engine)


def evaluate(
    replays: Mapping[str, SparseReplay],
    settings: Sequence[PortfolioSettings],
    objectives: Sequence[type[Objective]],
    *,
    engine: Engine = "auto",
) -> SettingsResult:
    """Let portfolios trade the signals of prepared replays, and say what they came to.

    Args:
        replays: prepared signals and bars, by strategy.
        settings: the portfolios that trade each of them.
        objectives: what to compute.
        engine: as in `replay_settings`.
    """
    traded = {name: replay.trade(settings, engine=engine) for name, replay in replays.items()}
    found = {
        one.name: np.concatenate(
            [_values(one, replays[name], settings, traded[name]) for name in replays]
        )
        for one in objectives
    }
    return SettingsResult(
        settings=tuple(settings) * len(replays),
        strategies=tuple(name for name in replays for _ in settings),
        performance=_together([one.performance for one in traded.values()]),
        objectives=found,
        directions={one.name: one.direction for one in objectives},
        verdicts=np.concatenate([one.verdicts for one in traded.values()]),
        _replays=replays,
    )


def _values(
    measure: type[Objective],
    replay: SparseReplay,
    settings: Sequence[PortfolioSettings],
    traded: Traded,
) -> NDArray[np.float64]:
    """Return an objective of every portfolio: from arrays if it can, or by playing events to it."""
    if measure.of is not None:
        return np.asarray(measure.of(traded.performance), dtype=np.float64)
    played = (account_of(replay, one).play(measure(), replay.calendar) for one in settings)
    return np.array(list(played), dtype=np.float64)


def _together(several: Sequence[Performance]) -> Performance:
    """Return performances below one another; shorter series of periods end in what is not known."""
    first = several[0]
    if len(several) == 1:
        return first
    names = ("cash", "final", "deepest", "costs", "fills", "trades", "wins", "won", "lost")
    columns = {name: np.concatenate([getattr(one, name) for one in several]) for name in names}
    longest = max(one.periods.shape[1] for one in several)
    periods = np.full((len(columns["cash"]), longest), np.nan)
    row = 0
    for one in several:
        count, length = one.periods.shape
        periods[row : row + count, :length] = one.periods
        row += count
    return Performance(**columns, periods=periods, calendar=first.calendar)


def _settings(settings: Settings) -> tuple[PortfolioSettings, ...]:
    if isinstance(settings, (PortfolioSettings, Mapping)):
        settings = [settings]
    chosen = tuple(
        one if isinstance(one, PortfolioSettings) else PortfolioSettings.from_mapping(one)
        for one in settings
    )
    if not chosen:
        raise ConfigError("settings", chosen, "give one portfolio at least")
    return chosen


def _measures(objectives: Sequence[str | type[Objective]]) -> tuple[type[Objective], ...]:
    if isinstance(objectives, str):
        objectives = [objectives]
    return tuple(objective(one) if isinstance(one, str) else one for one in objectives)


def _strategies(recording: Recording, strategy: str | Sequence[str] | None) -> Sequence[str | None]:
    if strategy == "*":
        return list(strategies_of(recording))
    if strategy is None or isinstance(strategy, str):
        return [strategy]
    if not strategy:
        raise ConfigError("strategy", strategy, 'name one at least, or "*" for all')
    return list(strategy)
