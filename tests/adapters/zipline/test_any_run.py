"""zipline, with strategies that nobody thought of."""

from __future__ import annotations

import pytest

from capture.testing.any_run import AnyRunContract
from tests.adapters.zipline.any_runs import any_run
from tests.adapters.zipline.runs import Zipline

pytestmark = [pytest.mark.host, pytest.mark.slow]


class TestAnyRun(Zipline, AnyRunContract):
    any_run = staticmethod(any_run)
    growing = frozenset({"indicator_price"})  # what is recorded last in a bar counts for the bar
    examples = 8
