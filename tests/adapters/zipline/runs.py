"""Real runs of zipline: functions and settings each, captured or not."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pandas as pd

import capture
from capture.testing.running import HostRuns
from tests.adapters.zipline import strategies as s
from tests.adapters.zipline.bundle import BUNDLE, MINUTES, ingested

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from capture.store.recording import Recording

    Wrap = Callable[[Any], Any]

_NO_BENCHMARK = pd.Series(0.0, index=pd.date_range("2004-01-01", "2018-12-31", tz="UTC"))


class Results:
    """What the host says of a run: its frame, with identities of orders by order of appearance."""

    def __init__(self, frame: pd.DataFrame) -> None:
        """Keep the host's frame."""
        self.frame = frame

    @cached_property
    def plain(self) -> dict[str, Any]:
        """Every column in plain values."""
        numbers: dict[str, int] = {}

        def told(row: Any) -> Any:
            if isinstance(row, list):
                return [told(item) for item in row]
            if isinstance(row, dict):
                return {
                    key: numbers.setdefault(value, len(numbers))
                    if key in {"id", "order_id"} and value is not None
                    else repr(value)
                    if key == "sid"
                    else value
                    for key, value in row.items()
                }
            return row

        # The host sums its columns up in a set, so that their order is another in each process.
        return {name: [told(row) for row in self.frame[name]] for name in sorted(self.frame)}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Results) and repr(self.plain) == repr(other.plain)

    __hash__ = None  # type: ignore[assignment]

    def like(self, other: Results) -> None:
        """Assert that each column of another run is that of this one."""
        for name, column in other.plain.items():
            assert repr(column) == repr(self.plain[name]), name

    @property
    def transactions(self) -> list[dict[str, Any]]:
        """What was traded, in order."""
        return [one for row in self.frame["transactions"] for one in row]

    def fills(self, labels: Mapping[str, pd.DatetimeIndex]) -> Counter[tuple[int, int, float]]:
        """Return units by bar of the asset, side and price."""
        found: Counter[tuple[int, int, float]] = Counter()
        for one in self.transactions:
            index = labels[one["sid"].symbol]
            bar = int(index.searchsorted(one["dt"], side="left"))
            found[(bar, 1 if one["amount"] > 0 else -1, one["price"])] += abs(one["amount"])
        return found


@dataclass(frozen=True)
class Case:
    """A run: which functions, from when to when, and under which settings."""

    functions: Mapping[str, Any]
    start: str = "2004-08-19"
    end: str = "2005-08-31"
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __call__(self, wrap: Wrap) -> Results:
        """Let the host run it, as its user would."""
        from zipline import run_algorithm

        ingested()
        given = {"capital_base": 100_000.0, "bundle": BUNDLE, **self.settings}
        frame = run_algorithm(
            **wrap(self.functions),
            start=pd.Timestamp(self.start),
            end=pd.Timestamp(self.end),
            benchmark_returns=_NO_BENCHMARK,
            **{name: make() if callable(make) else make for name, make in given.items()},
        )
        return Results(frame)

    def under(self, **settings: Any) -> Case:
        """Return the same run under other settings."""
        return replace(self, settings={**self.settings, **settings})


def captured(case: Case, store: Path, **options: Any) -> tuple[Results, Recording]:
    """Run a case captured; return its results and the recording as the files have it."""
    results = case(lambda functions: capture.wrap(**functions, store=store, **options))
    return results, capture.open(store).latest()


_FX = {"start": "2017-04-19", "end": "2018-02-06"}
CASES: Mapping[str, Case] = {
    "SMA cross": Case(s.made(s.sma, s.cross)),
    "SMA cross, EURUSD": Case(s.made(s.sma_eurusd, s.cross), **_FX),
    "nasty": Case(s.made(s.nasty_start, s.nasty, s.nasty_morning)),
    "scheduled rebalancing": Case(s.made(s.rebalancing, None)),
    "partial fills": Case(s.made(s.thin_start, s.thin)),
    "looks at its portfolio": Case(s.made(s.looking_start, s.looking), end="2005-03-31"),
    "split, dividend and the end": Case(s.made(s.ending_start, s.ending), end="2005-12-30"),
    "controls": Case(s.made(s.controls_start, s.controlled), end="2005-01-31"),
    "no signals": Case(s.made(s.sma, s.nothing), end="2004-12-31"),
    "minutes": Case(
        s.made(s.minutes_start, s.minutely),
        start="2005-01-03",
        end="2005-01-05",
        settings={"bundle": MINUTES, "data_frequency": "minute"},
    ),
}


class Zipline(HostRuns):
    """How results of the host are compared, and what they say was traded."""

    adapter = "zipline"

    def compare(self, expected: Results, got: Results) -> None:
        expected.like(got)
        got.like(expected)
        assert len(expected.frame)

    def compare_replay(self, expected: Results, got: Results) -> None:
        """All that the host says but the values that the strategy recorded."""
        recorded = expected.plain.keys() - got.plain.keys()
        assert recorded <= {"fast", "slow", "price", "bar", "alive", "cash"}
        expected.like(got)

    def fills(self, results: Results) -> Counter[tuple[int, int, float]]:
        """Count bars from the asset's first one in the run on, as its base data do."""
        index: Any = results.frame.index
        days = index.tz_localize(None).normalize()
        found: Counter[tuple[int, int, float]] = Counter()
        minutes = any(one["dt"] not in index for one in results.transactions)
        for one in results.transactions:
            bar = _minute(index, one["dt"]) if minutes else index.get_loc(one["dt"])
            if not minutes:
                # The host closes what is held when the asset has traded for the last time.
                bar = min(bar, int(days.searchsorted(one["sid"].end_date, side="right")) - 1)
            side = 1 if one["amount"] > 0 else -1
            found[(int(bar), side, float(one["price"]))] += abs(one["amount"])
        return found


def _minute(closes: pd.DatetimeIndex, moment: pd.Timestamp) -> int:
    """Return the number of a minute in sessions of 390 minutes."""
    session = int(closes.searchsorted(moment))
    return 390 * (session + 1) - 1 - int((closes[session] - moment) / pd.Timedelta(minutes=1))
