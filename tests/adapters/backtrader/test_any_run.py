"""backtrader, with strategies that nobody thought of."""

from __future__ import annotations

import pytest

from capture.testing.any_run import AnyRunContract
from tests.adapters.backtrader.any_runs import any_run
from tests.adapters.backtrader.runs import Backtrader

pytestmark = [pytest.mark.host, pytest.mark.slow]


class TestAnyRun(Backtrader, AnyRunContract):
    any_run = staticmethod(any_run)
    # An order that is given in `start` is before any bar.
    growing = frozenset({"timestamp", "available_time"})
    examples = 20
