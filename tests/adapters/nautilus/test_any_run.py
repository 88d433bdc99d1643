"""NautilusTrader, with strategies that nobody thought of."""

from __future__ import annotations

import pytest

from capture.testing.any_run import AnyRunContract
from tests.adapters.nautilus.any_runs import any_run
from tests.adapters.nautilus.runs import Nautilus

pytestmark = [pytest.mark.host, pytest.mark.slow]


class TestAnyRun(Nautilus, AnyRunContract):
    any_run = staticmethod(any_run)
    growing = frozenset({"arguments"})  # How many orders closing makes is known when they are made.
    examples = 12
