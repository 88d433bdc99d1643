"""The built-in backtester, with strategies that nobody thought of."""

from __future__ import annotations

import pytest

from capture.testing.any_run import AnyRunContract
from tests.builtin.any_runs import any_run
from tests.builtin.runs import Builtin

pytestmark = [pytest.mark.host, pytest.mark.slow]


class TestAnyRun(Builtin, AnyRunContract):
    any_run = staticmethod(any_run)
    examples = 50
