"""Why two runs differ: each difference with its cause, as it is kept with a certificate."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pandas as pd

__all__ = ["Cause", "EquityGaps", "Explanation", "Gap", "Matched", "TradePair"]


class Cause(StrEnum):
    """Why a fill is another one, or is there in one of two runs alone."""

    FILL_TIME = "fill time"
    PRICE_RULE = "fill price rule"
    SLIPPAGE = "slippage"
    COMMISSION = "commission"
    SIZING = "sizing"
    ROUNDING = "size rounding"
    REFUSED = "refused"
    ORDER_TYPE = "order type not supported"
    HELD = "held already"
    FILTERED = "filter of the replay"
    AT_THE_END = "end of data"
    FINALISED = "closed at the end"
    CONSEQUENCE = "consequence"
    UNEXPLAINED = "unexplained"

    @property
    def meaning(self) -> str:
        """What it says, for people."""
        return _MEANINGS[self]


_MEANINGS = {
    Cause.FILL_TIME: "the backtesters fill such an order at different bars",
    Cause.PRICE_RULE: "they take another price of the bar",
    Cause.SLIPPAGE: "they make a fill worse by another amount",
    Cause.COMMISSION: "they charge otherwise for the same fill",
    Cause.SIZING: "the size was left to the backtester, and it reckons otherwise",
    Cause.ROUNDING: "they round the same size otherwise",
    Cause.REFUSED: "one of them refused the order",
    Cause.ORDER_TYPE: "stops, limits and brackets are no part of what was replayed",
    Cause.HELD: "a target that is held is neither added to, nor left to be entered again",
    Cause.FILTERED: "the replay was told to leave signals out, or a regime flat",
    Cause.AT_THE_END: "the data end before the order could be filled",
    Cause.FINALISED: "one of them closes what is open after the last bar",
    Cause.CONSEQUENCE: "it follows from an earlier difference",
    Cause.UNEXPLAINED: "nothing that is known of both runs comes to this difference",
}


@dataclass(frozen=True, kw_only=True)
class Gap:
    """One difference between two fills, or a fill that one run has alone.

    Attributes:
        symbol: instrument.
        decision_bar: bar of the signal behind it; None of an exit that no signal asked for.
        bar_index: bar of the fill: in the original, where that has it.
        closes: whether the fill closes a position, or opens one.
        column: bar_index, price, size or commission; "missing" of a fill that the replay lacks,
            "added" of one that it has alone.
        original: what was recorded; of a missing fill its units, with their sign.
        replayed: what became of it; of an added fill its units, with their sign.
        cause: why.
        detail: how the cause comes to this difference.
        follows: of a consequence, the number of the difference that it follows from.
    """

    symbol: str | None
    decision_bar: int | None
    bar_index: int | None
    closes: bool
    column: str
    original: float | None
    replayed: float | None
    cause: str
    detail: str = ""
    follows: int | None = None

    def __str__(self) -> str:
        what = "exit" if self.closes else "entry"
        where = f"{self.symbol or 'all'} bar {self.bar_index}, {what}"
        if self.column in {"missing", "added"}:
            units = self.original if self.column == "missing" else self.replayed
            said = f"{units:g} units {'only then' if self.column == 'missing' else 'only now'}"
        else:
            said = f"{self.column} {self.original!r} became {self.replayed!r}"
        return f"{where}: {said} ({self.cause}{': ' if self.detail else ''}{self.detail})"


@dataclass(frozen=True, kw_only=True)
class TradePair:
    """A position from flat to flat (or to the other side), in one run and in the other.

    Attributes:
        symbol: instrument.
        direction: 1 long, -1 short.
        decision_bar: bar of the signal that opened it.
        original_bars: bars of entry and exit in the original; None if it has no such trade.
        replayed_bars: the same in the replay.
        gaps: numbers of the differences of its fills.
    """

    symbol: str | None
    direction: int
    decision_bar: int | None
    original_bars: tuple[int, int | None] | None
    replayed_bars: tuple[int, int | None] | None
    gaps: tuple[int, ...] = ()


@dataclass(frozen=True)
class Matched:
    """How many rows there are, and how many stand for one another."""

    original: int
    replayed: int
    matched: int
    equal: int


@dataclass(frozen=True)
class EquityGaps:
    """How the worth of the account compares, bar by bar.

    Attributes:
        bars: bars that both runs have.
        differing: bars at which it differs.
        reckoned: of these, bars at which the fills of each run come to what it recorded.
        first_unexplained: the first bar at which they do not; None if there is none.
    """

    bars: int
    differing: int
    reckoned: int
    first_unexplained: int | None

    @property
    def unexplained(self) -> int:
        """Bars that differ, and nobody knows why."""
        return self.differing - self.reckoned


@dataclass(frozen=True)
class Explanation:
    """Every difference between the fills of two runs, with its cause.

    Attributes:
        original: the recorded run.
        replayed: the replay.
        original_host: backtester of the one.
        replayed_host: backtester of the other.
        fills: how many fills stand for one another; one that turns a position counts as two.
        trades: how many trades do, from flat to flat.
        gaps: the differences, in order.
        pairs: the trades.
        equity: how the worth of the account compares.
    """

    original: str
    replayed: str
    original_host: str
    replayed_host: str
    fills: Matched
    trades: Matched
    gaps: tuple[Gap, ...]
    pairs: tuple[TradePair, ...]
    equity: EquityGaps

    @property
    def unexplained(self) -> tuple[Gap, ...]:
        """The differences without a cause, and those that follow from them."""
        return tuple(gap for gap in self.gaps if gap.cause == Cause.UNEXPLAINED)

    @property
    def complete(self) -> bool:
        """Whether every difference has a cause."""
        return not self.unexplained and not self.equity.unexplained

    @property
    def causes(self) -> dict[str, int]:
        """How many differences each cause has, the most frequent first."""
        return dict(Counter(gap.cause for gap in self.gaps).most_common())

    @property
    def findings(self) -> tuple[str, ...]:
        """What was found, in sentences; each cause with the first place that it is seen at."""
        found = []
        for cause, number in self.causes.items():
            first = next(gap for gap in self.gaps if gap.cause == cause)
            found.append(f"{cause} ({number}): {Cause(cause).meaning}; first {_place(first)}")
        if self.equity.differing:
            found.append(
                f"equity differs at {self.equity.differing} of {self.equity.bars} bars; at "
                f"{self.equity.reckoned} of these the fills of each run come to what it recorded"
            )
        if self.equity.unexplained:
            found.append(f"equity is unexplained from bar {self.equity.first_unexplained} on")
        return tuple(found)

    def to_frame(self, table: str = "fills") -> pd.DataFrame:
        """Return one row per difference, or with "trades" one row per trade."""
        import pandas as pd

        rows, kind = (self.pairs, TradePair) if table == "trades" else (self.gaps, Gap)
        columns = [field.name for field in fields(kind)]
        frame = pd.DataFrame([asdict(row) for row in rows], columns=columns)
        whole = [c for c in columns if c in {"decision_bar", "bar_index", "follows", "direction"}]
        return frame.astype(dict.fromkeys(whole, "Int64"))

    def to_dict(self) -> dict[str, Any]:
        """Return the explanation as plain values."""
        return {
            **asdict(self),
            "causes": self.causes,
            "unexplained": len(self.unexplained) + self.equity.unexplained,
            "findings": list(self.findings),
        }

    def lines(self) -> Iterator[str]:
        """Yield it as lines for people."""
        yield f"{self.replayed_host} against {self.original_host}"
        for name, rows in (("trades", self.trades), ("fills", self.fills)):
            yield (
                f"  {name}: {rows.original} then, {rows.replayed} now; {rows.matched} matched one "
                f"to one, {rows.equal} of them equal"
            )
        yield from (f"  {finding}" for finding in self.findings)
        for gap in self.unexplained[:_SHOWN]:
            yield f"  unexplained: {gap}"
        if len(self.unexplained) > _SHOWN:
            yield f"  and {len(self.unexplained) - _SHOWN} more"

    def __str__(self) -> str:
        return "\n".join(self.lines())


_SHOWN = 10


def _place(gap: Gap) -> str:
    where = f"at bar {gap.bar_index}"
    return f"{where}: {gap.detail}" if gap.detail else where


def explanation_of(said: Mapping[str, Any]) -> Explanation:
    """Return the explanation that was kept as plain values."""
    return Explanation(
        said["original"],
        said["replayed"],
        said["original_host"],
        said["replayed_host"],
        Matched(**said["fills"]),
        Matched(**said["trades"]),
        tuple(Gap(**gap) for gap in said["gaps"]),
        tuple(_pair(pair) for pair in said["pairs"]),
        EquityGaps(**said["equity"]),
    )


def _pair(said: Mapping[str, Any]) -> TradePair:
    bars = {
        name: None if said[name] is None else tuple(said[name])
        for name in ("original_bars", "replayed_bars")
    }
    return TradePair(**{**said, **bars, "gaps": tuple(said["gaps"])})
