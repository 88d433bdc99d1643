"""What the search for patterns returns: patterns to be read, and how they were looked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from capture.analysis.results import Result

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["PatternReport", "SignalPattern"]

_SURE = 0.95


@dataclass(frozen=True, kw_only=True)
class SignalPattern:
    """A circumstance in which signals earned more, or less, than the others.

    Returns are shares, 0.01 is one percent. An excess return is what a signal earned beyond what
    its direction earned at any bar of the same half of the data: a rising market is no pattern.

    Attributes:
        items: the statements that hold together.
        kind: "context", or "sequence" if a statement is about the signals before.
        signals: how many earlier signals it holds for.
        support: the share of the earlier signals that these are.
        horizon_bars: bars over which the returns were taken.
        mean_return: what they earned, in the mean.
        usual_return: what the other signals earned.
        hit_rate: share of them that earned something.
        lift: hit rate against that of all signals: 1 is as usual.
        effect: by how much their mean excess return exceeds that of the others.
        low: lower end of its 95% interval, with errors that hold for overlapping returns. As the
            pattern was chosen for its effect, the effect in the later data is the fairer one.
        high: upper end.
        p_value: how often a slid-along market gives this pattern such an effect.
        adjusted_p_value: how often it gives any of the patterns tried such an effect.
        later_signals: how many of the later signals it holds for, which were not searched.
        later_effect: the effect there.
        later_low: lower end of its 95% interval.
        later_high: upper end.
        later_p_value: how likely so large an effect there would be by chance; two-sided.
        later_lift: the lift there.
    """

    items: tuple[str, ...]
    kind: str
    signals: int
    support: float
    horizon_bars: int
    mean_return: float
    usual_return: float
    hit_rate: float
    lift: float
    effect: float
    low: float
    high: float
    p_value: float
    adjusted_p_value: float
    later_signals: int
    later_effect: float
    later_low: float
    later_high: float
    later_p_value: float
    later_lift: float

    @property
    def sentence(self) -> str:
        """The pattern in words."""
        bars = "bar" if self.horizon_bars == 1 else f"{self.horizon_bars} bars"
        said = (
            f"When {_listed(self.items)}, the next {bars} earned {_pct(self.mean_return)} "
            f"(usually {_pct(self.usual_return)}) on {self.signals:,} signals; "
            f"{self.hit_rate:.0%} of them won, {self.lift:.2f} times the usual share; "
            f"by chance any pattern looks so good in {_chance(self.adjusted_p_value)} of cases; "
        )
        return said + self._confirmed()

    def _confirmed(self) -> str:
        if not self.later_signals or self.later_effect != self.later_effect:
            return "too few later signals tell whether it lasts."
        later = f"on {self.later_signals:,} later signals the difference was"
        sure = self.later_p_value <= 1 - _SURE
        verdict = "it lasted" if sure else "whether it lasts is open"
        return f"{later} {_pct(self.later_effect)}: {verdict}."

    def __str__(self) -> str:
        return self.sentence


@dataclass(frozen=True, kw_only=True)
class PatternReport(Result):
    """Patterns that cannot be put down to chance, and how they were looked for.

    Attributes:
        patterns: the patterns, the clearest first.
        tried: how many patterns were tested.
        untested: frequent patterns that were not tested, being more than the most that are.
        signals: the earlier signals, which were searched.
        later_signals: the later ones, which only confirm.
        min_support: share of the signals that a pattern must hold for.
        horizon_bars: bars over which returns were taken.
        entry: where a return begins.
        alpha: chance of reporting any pattern where there is none.
        slides: how many slid-along markets the patterns were held against.
        contradicted: patterns left out because the later signals say the opposite.
        redundant: patterns left out because one that is reported says the same.
        dropped: signals that have a direction and no known return, by cause.
        dropped_share: share of the signals with a direction that these are.
        flat: signals without a direction.
        purged: signals whose return reaches from the earlier data into the later.
        left_out: what could not be made statements of, with the reason.
    """

    title = "Patterns"

    patterns: tuple[SignalPattern, ...]
    tried: int
    untested: int
    signals: int
    later_signals: int
    min_support: float
    horizon_bars: int
    entry: str
    alpha: float
    slides: int
    contradicted: int
    redundant: int
    dropped: Mapping[str, int]
    dropped_share: float
    flat: int
    purged: int
    left_out: Mapping[str, str]

    def to_frame(self) -> pd.DataFrame:
        """Return one row per pattern."""
        import pandas as pd

        rows = [{**asdict(one), "items": " and ".join(one.items)} for one in self.patterns]
        return pd.DataFrame(rows, columns=list(SignalPattern.__dataclass_fields__))

    def to_dict(self) -> dict[str, Any]:
        """Return the result as plain values, ready for JSON, with a sentence per pattern."""
        said = super().to_dict()
        for one, pattern in zip(said["patterns"], self.patterns, strict=True):
            one["sentence"] = pattern.sentence
        return said

    def summary(self) -> str:
        """Say what was found, among how many patterns and signals."""
        found = len(self.patterns)
        count = "No pattern" if not found else f"{found} pattern{'s' if found > 1 else ''}"
        how = f"{self.tried:,} tried on {self.signals:,} signals"
        if self.signals and not self.tried:
            how += ", too few to tell a pattern from chance"
        left = [f"{self.dropped_share:.1%} of the signals have no known return"]
        if self.redundant:
            left.append(f"{self.redundant:,} more say the same as these")
        if self.contradicted:
            left.append(f"{self.contradicted:,} left out as later signals contradict them")
        if self.untested:
            left.append(f"{self.untested:,} rarer ones not tried")
        return f"{count} ({how}; alpha {self.alpha:g}). {'; '.join(left).capitalize()}."

    def __str__(self) -> str:
        said = [f"{number}. {one}" for number, one in enumerate(self.patterns, 1)]
        return "\n".join((self.title, self.summary(), *said))


def _listed(items: tuple[str, ...]) -> str:
    if len(items) < 3:
        return " and ".join(items)
    return f"{', '.join(items[:-1])} and {items[-1]}"


def _pct(value: float) -> str:
    return f"{value:+.2%}"


def _chance(share: float) -> str:
    return f"{share:.1%}"
