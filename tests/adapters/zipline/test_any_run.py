"""zipline, with strategies that nobody thought of."""

from __future__ import annotations

import pytest

from capture.testing.any_run import AnyRunContract
from tests.adapters.zipline.any_runs import any_run
from tests.adapters.zipline.runs import Zipline

pytestmark = [pytest.mark.host, pytest.mark.slow]


class TestAnyRun(Zipline, AnyRunContract):
    any_run = staticmethod(any_run)
    examples = 8
