"""vectorbt, with portfolios that nobody thought of."""

from __future__ import annotations

import pytest

from capture.testing.any_run import AnyRunContract
from tests.adapters.vectorbt.any_runs import any_run
from tests.adapters.vectorbt.runs import Vectorbt

pytestmark = [pytest.mark.host, pytest.mark.slow]


class TestAnyRun(Vectorbt, AnyRunContract):
    any_run = staticmethod(any_run)
    examples = 25
    seeds = 2
