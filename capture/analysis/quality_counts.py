"""How many signals there are, how strong, and how much was traded, as tables of typed rows."""

from __future__ import annotations

from dataclasses import dataclass

from capture.analysis.quality_tables import Table

__all__ = [
    "Activity",
    "ActivityRow",
    "Frequency",
    "FrequencyRow",
    "StrengthBin",
    "Strengths",
]


@dataclass(frozen=True)
class FrequencyRow:
    """How often signals come on one symbol.

    Attributes:
        symbol: instrument.
        signals: how many there are.
        bars: bars of the symbol in the time that was asked for.
        days: days with bars; where bars are not known, days from the first signal to the last.
        per_day: signals per day.
        per_bar: signals per bar; NaN where bars are not known.
    """

    symbol: str
    signals: int
    bars: int
    days: int
    per_day: float
    per_bar: float


@dataclass(frozen=True)
class Frequency(Table):
    """How often signals come, by symbol."""

    title = "Frequency"
    row = FrequencyRow

    rows: tuple[FrequencyRow, ...]


@dataclass(frozen=True)
class StrengthBin:
    """How many strengths lie from `low` up to `high`."""

    low: float
    high: float
    signals: int


@dataclass(frozen=True)
class Strengths(Table):
    """The distribution of strength, in bins of one width."""

    title = "Strength"
    row = StrengthBin

    rows: tuple[StrengthBin, ...]


@dataclass(frozen=True)
class ActivityRow:
    """How much was traded on one account in one part of a run, whatever signals were chosen.

    Attributes:
        run_id: run.
        part: part of the run.
        strategy_id: strategy.
        symbol: instrument whose position is known of the account.
        bars: bars on which the account was valued.
        time_in_market: share of these with a position in the symbol; NaN where it is not known.
        long_share: share with a long one.
        short_share: share with a short one.
        fills: how many there were.
        traded_value: sum of size times price; NaN where fills cannot be told apart by account.
        turnover: traded value over mean equity.
        turnover_per_day: the same per day with bars.
    """

    run_id: str
    part: int
    strategy_id: str
    symbol: str
    bars: int
    time_in_market: float
    long_share: float
    short_share: float
    fills: int
    traded_value: float
    turnover: float
    turnover_per_day: float


@dataclass(frozen=True)
class Activity(Table):
    """Turnover and time in the market, by account."""

    title = "Activity"
    row = ActivityRow

    rows: tuple[ActivityRow, ...]
