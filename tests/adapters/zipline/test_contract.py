"""zipline fulfils the adapters' contract, with easy strategies and with nasty ones."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, ClassVar

import pandas as pd
import pytest

import capture
from capture.testing.adapter import AdapterContract
from tests.adapters.zipline import strategies
from tests.adapters.zipline.bundle import OTHER
from tests.adapters.zipline.runs import CASES, Case, Results

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from capture.store.recording import Recording

pytestmark = pytest.mark.host


class TestZipline(AdapterContract):
    adapter = "zipline"
    packages = ("zipline",)
    runs: ClassVar[Mapping[str, Case]] = CASES
    failing = Case(strategies.made(strategies.sma, strategies.failing))

    def compare(self, expected: Results, got: Results) -> None:
        expected.like(got)
        got.like(expected)
        assert len(expected.frame)

    def compare_replay(self, expected: Results, got: Results) -> None:
        """All that the host says but the values that the strategy recorded."""
        recorded = expected.plain.keys() - got.plain.keys()
        assert recorded <= {"fast", "slow", "price", "bar", "alive", "cash"}
        expected.like(got)

    def on_other_data(self, run: Any, recording: Recording) -> Callable[[], Any]:
        """The bundle brings the bars: another one has the same assets with another price."""
        return self.replays(run.under(bundle=OTHER), capture.replay(recording))

    @staticmethod
    def changed(run: Any) -> Case:
        changed: Case = run.under(capital_base=123_456.0)
        return changed

    def fills(self, results: Results) -> Counter[tuple[int, int, float]]:
        """Count bars from the asset's first one in the run on, as its base data do."""
        index = results.frame.index
        found: Counter[tuple[int, int, float]] = Counter()
        minutes = any(one["dt"] not in index for one in results.transactions)
        for one in results.transactions:
            bar = _minute(index, one["dt"]) if minutes else index.get_loc(one["dt"])
            if (
                one["sid"].symbol == "XYZ"
            ):  # closed by the host when it had traded for the last time
                bar = min(bar, 279)
            side = 1 if one["amount"] > 0 else -1
            found[(int(bar), side, float(one["price"]))] += abs(one["amount"])
        return found


def _minute(closes: pd.DatetimeIndex, moment: pd.Timestamp) -> int:
    """Return the number of a minute in sessions of 390 minutes."""
    session = int(closes.searchsorted(moment))
    return 390 * (session + 1) - 1 - int((closes[session] - moment) / pd.Timedelta(minutes=1))
