"""How vectorbt runs for the suites, and what its portfolios say was traded."""

from __future__ import annotations

import warnings
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

import capture
from capture.errors import CaptureWarning
from capture.testing.running import HostRuns
from tests.adapters.vectorbt.results import assert_same

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from capture.replaying.replay import Replay

__all__ = ["Vectorbt"]


class Vectorbt(HostRuns):
    """Runs are calls of a constructor; a replay takes what the call was given instead."""

    adapter = "vectorbt"

    def captured(self, run: Any, folder: Path, **options: Any) -> Any:
        with capture.record(folder, **options), _deciding_inside():
            return run()

    def replays(self, run: Any, replay: Replay, **options: Any) -> Callable[[], Any]:
        def again() -> Any:
            with _deciding_inside():
                return replay.into("vectorbt", **run.handed, **run.others, **options)

        return again

    def compare(self, expected: Any, got: Any) -> None:
        assert_same(expected, got)

    def fills(self, results: Any) -> Counter[tuple[int, int, float]]:
        """Add up sizes of several columns in the order in which they are recorded."""
        records = results.order_records
        fills: Any = Counter()
        for order in records[np.lexsort((records["id"], records["col"], records["idx"]))]:
            side = -1 if order["side"] else 1
            fills[(int(order["idx"]), side, float(order["price"]))] += float(order["size"])
        counted: Counter[tuple[int, int, float]] = fills
        return counted


@contextmanager
def _deciding_inside() -> Iterator[None]:
    """Take for granted that decisions of callbacks cannot be heard, also where a run raises."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "(?s).*cannot be heard", CaptureWarning)
        yield
