"""bt fulfils the adapters' contract, with easy strategies and with nasty ones."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from capture.testing.adapter import AdapterContract
from tests.adapters.bt import strategies
from tests.adapters.bt.runs import CASES, Bt, Case, four

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = [pytest.mark.host, pytest.mark.filterwarnings("ignore::RuntimeWarning")]

_QUICK = (
    "SMA cross, GOOG",
    "SMA cross, EURUSD, costs",
    "nested",
    "momentum",
    "every verb",
    "looking",
    "bonds",
    "ruin",
)


class TestBt(Bt, AdapterContract):
    packages = ("bt",)
    runs: ClassVar[Mapping[str, Case]] = {name: CASES[name] for name in _QUICK}
    failing = Case(strategies.failing, four)

    @staticmethod
    def changed(run: Any) -> Case:
        capital = 1.5 * run.settings.get("initial_capital", 1_000_000.0)
        return replace(run, settings={**run.settings, "initial_capital": capital})
