"""What signals earned, as tables of typed rows."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar, Final

from capture.analysis.results import Result

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "Contrast",
    "ContrastRow",
    "Decay",
    "DecayRow",
    "ForwardRow",
    "ForwardTable",
    "Information",
    "InformationRow",
    "Split",
    "SplitRow",
    "Table",
]

_BEGINS: Final = {"next_open": "the next bar's open", "close": "the close of the signal's bar"}


class Table(Result):
    """A result whose main table has one row per entry of `rows`."""

    row: ClassVar[type]

    def to_frame(self) -> pd.DataFrame:
        """Return one row per entry."""
        import pandas as pd

        rows: tuple[Any, ...] = self.rows  # type: ignore[attr-defined]
        return pd.DataFrame(
            [asdict(one) for one in rows], columns=[field.name for field in fields(self.row)]
        )


@dataclass(frozen=True)
class ForwardRow:
    """What signals earned over one horizon.

    Attributes:
        horizon_bars: length of the horizon.
        signals: signals with a direction and a known return.
        dropped: signals with a direction whose return is not known.
        dropped_share: share of these.
        no_bar: of them, those whose bar is not known.
        beyond_data: those whose horizon ends after the last bar.
        no_price: those with a price missing.
        mean: mean return in the signal's direction.
        std_error: its error, robust to overlap.
        low: lower end of its confidence interval.
        high: upper end.
        p_value: how likely it is by chance.
        windows: how many observations are independent in time.
        usual: what the same directions would have earned at any bar: the drift of the market.
        median: median return.
        std: standard deviation of the returns.
        hit_rate: share of signals that earned something.
        hit_low: lower end of Wilson's interval, for as many signals as are independent.
        hit_high: upper end.
        favourable: mean of how far the market went the signal's way (MFE).
        adverse: mean of how far it went the other way (MAE).
    """

    horizon_bars: int
    signals: int
    dropped: int
    dropped_share: float
    no_bar: int
    beyond_data: int
    no_price: int
    mean: float
    std_error: float
    low: float
    high: float
    p_value: float
    windows: int
    usual: float
    median: float
    std: float
    hit_rate: float
    hit_low: float
    hit_high: float
    favourable: float
    adverse: float


@dataclass(frozen=True)
class ForwardTable(Table):
    """What signals earned, by horizon.

    Attributes:
        entry: where a signal's return begins.
        flat: signals without a direction, which are not part of this.
        rows: one per horizon.
    """

    title = "Forward returns"
    row = ForwardRow

    entry: str
    flat: int
    rows: tuple[ForwardRow, ...]

    def summary(self) -> str:
        """Say where the returns begin, and what is left out."""
        dropped = max((row.dropped_share for row in self.rows), default=0.0)
        return (
            f"From {_BEGINS[self.entry]}; {self.flat} signals go flat and have no return, "
            f"and at most {dropped:.1%} of the others were dropped"
        )


@dataclass(frozen=True)
class InformationRow:
    """How the factor goes together with the return over one horizon.

    Attributes:
        horizon_bars: length of the horizon.
        signals: signals that it comes from.
        ic: linear correlation of factor and market return.
        ic_std_error: its error, robust to overlap.
        ic_low: lower end of its confidence interval.
        ic_high: upper end.
        ic_p_value: how likely it is by chance.
        rank_ic: the same of the ranks.
        rank_ic_std_error: its error.
        rank_ic_low: lower end of its confidence interval.
        rank_ic_high: upper end.
        rank_ic_p_value: how likely it is by chance.
        windows: how many observations are independent in time.
    """

    horizon_bars: int
    signals: int
    ic: float
    ic_std_error: float
    ic_low: float
    ic_high: float
    ic_p_value: float
    rank_ic: float
    rank_ic_std_error: float
    rank_ic_low: float
    rank_ic_high: float
    rank_ic_p_value: float
    windows: int


@dataclass(frozen=True)
class Information(Table):
    """The information coefficient by horizon.

    Attributes:
        factor: "strength", with the sign of the direction, or "direction" where no signal has one.
        rows: one per horizon.
    """

    title = "Information coefficient"
    row = InformationRow

    factor: str
    rows: tuple[InformationRow, ...]

    def summary(self) -> str:
        """Say of what it is the correlation."""
        return f"Correlation of {self.factor} with the market's return, over all signals"


@dataclass(frozen=True)
class DecayRow:
    """What signals earned in the one bar that lies so far behind them.

    Attributes:
        lag_bars: 1 is the first bar after the signal's.
        signals: how many have a known return.
        mean: mean return of that bar in the signal's direction.
        std_error: its error.
        low: lower end of its confidence interval.
        high: upper end.
        total: sum of the means up to this bar.
    """

    lag_bars: int
    signals: int
    mean: float
    std_error: float
    low: float
    high: float
    total: float


@dataclass(frozen=True)
class Decay(Table):
    """How what a signal knows fades, bar by bar.

    Attributes:
        half_life_bars: bars after which the return of a bar is half as large, of the exponential
            that fits best; NaN where there is none to be seen.
        half_life_low: lower end of its confidence interval.
        half_life_high: upper end; infinite where the data cannot tell it from no decay.
        verdict: why there is no half-life, or what it is.
        rows: one per bar.
    """

    title = "Decay"
    row = DecayRow

    half_life_bars: float
    half_life_low: float
    half_life_high: float
    verdict: str
    rows: tuple[DecayRow, ...]

    def summary(self) -> str:
        """Say what the half-life is."""
        return self.verdict


@dataclass(frozen=True)
class SplitRow:
    """What the signals of one group earned over one horizon.

    Attributes:
        group: value that they share.
        horizon_bars: length of the horizon.
        signals: signals of the group with a direction and a known return.
        dropped: those with a direction whose return is not known.
        mean: mean return in the signal's direction.
        std_error: its error, robust to overlap.
        low: lower end of its confidence interval.
        high: upper end.
        p_value: how likely it is by chance; not corrected for the number of groups.
        windows: how many observations are independent in time.
        hit_rate: share of signals that earned something.
        hit_low: lower end of Wilson's interval.
        hit_high: upper end.
    """

    group: str
    horizon_bars: int
    signals: int
    dropped: int
    mean: float
    std_error: float
    low: float
    high: float
    p_value: float
    windows: int
    hit_rate: float
    hit_low: float
    hit_high: float


@dataclass(frozen=True)
class Split(Table):
    """What signals earned, by group.

    Attributes:
        by: column that the groups are values of.
        rows: one per group and horizon.
    """

    title = "Forward returns by group"
    row = SplitRow

    by: str
    rows: tuple[SplitRow, ...]

    def summary(self) -> str:
        """Say what the groups are."""
        return f"By {self.by}"


@dataclass(frozen=True)
class ContrastRow:
    """What taken signals earned over one horizon, against refused ones.

    Attributes:
        horizon_bars: length of the horizon.
        taken: signals that were executed, wholly or in part.
        refused: signals that were rejected, cancelled, expired, missed, or failed.
        mean_taken: mean return of those that were taken.
        mean_refused: what the refused ones would have earned on average.
        refused_low: lower end of its confidence interval.
        refused_high: upper end.
        difference: taken less refused.
        std_error: its error, robust to overlap, and to both kinds moving together.
        low: lower end of its confidence interval.
        high: upper end.
        p_value: how likely a difference so large is by chance.
    """

    horizon_bars: int
    taken: int
    refused: int
    mean_taken: float
    mean_refused: float
    refused_low: float
    refused_high: float
    difference: float
    std_error: float
    low: float
    high: float
    p_value: float


@dataclass(frozen=True)
class Contrast(Table):
    """Taken against refused signals: what the refusals cost, or saved."""

    title = "Taken against refused"
    row = ContrastRow

    rows: tuple[ContrastRow, ...]

    def summary(self) -> str:
        """Say whether the refusals helped, where that can be told."""
        if not any(row.refused for row in self.rows):
            return "No signal with a direction was refused"
        sure = [row for row in self.rows if row.low > 0 or row.high < 0]
        if not sure:
            return "No horizon tells taken from refused signals"
        row = sure[-1]
        word = "more" if row.difference > 0 else "less"
        return (
            f"Over {row.horizon_bars} bars, taken signals earned {abs(row.difference):.3%} {word} "
            f"than refused ones would have ({row.low:.3%} to {row.high:.3%})"
        )
