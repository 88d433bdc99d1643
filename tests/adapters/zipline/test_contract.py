"""zipline fulfils the adapters' contract, with easy strategies and with nasty ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import pytest

import capture
from capture.testing.adapter import AdapterContract
from tests.adapters.zipline import strategies
from tests.adapters.zipline.bundle import OTHER
from tests.adapters.zipline.runs import CASES, Case, Zipline

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from capture.store.recording import Recording

pytestmark = pytest.mark.host


class TestZipline(Zipline, AdapterContract):
    packages = ("zipline",)
    runs: ClassVar[Mapping[str, Case]] = CASES
    failing = Case(strategies.made(strategies.sma, strategies.failing))

    def on_other_data(self, run: Any, recording: Recording) -> Callable[[], Any]:
        """The bundle brings the bars: another one has the same assets with another price."""
        return self.replays(run.under(bundle=OTHER), capture.replay(recording))

    @staticmethod
    def changed(run: Any) -> Case:
        changed: Case = run.under(capital_base=123_456.0)
        return changed
