"""bt, with trees of strategies that nobody thought of."""

from __future__ import annotations

import pytest

from capture.testing.any_run import AnyRunContract
from tests.adapters.bt.any_runs import any_run
from tests.adapters.bt.runs import Bt

pytestmark = [
    pytest.mark.host,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::RuntimeWarning"),
]


class TestAnyRun(Bt, AnyRunContract):
    any_run = staticmethod(any_run)
    examples = 16
