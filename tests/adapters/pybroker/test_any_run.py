"""pybroker, with executions that nobody thought of."""

from __future__ import annotations

import pytest

from capture.testing.any_run import AnyRunContract
from tests.adapters.pybroker.any_runs import any_run
from tests.adapters.pybroker.runs import Pybroker

pytestmark = [pytest.mark.host, pytest.mark.slow]


class TestAnyRun(Pybroker, AnyRunContract):
    any_run = staticmethod(any_run)
    examples = 25
