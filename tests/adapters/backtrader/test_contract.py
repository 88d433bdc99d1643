"""backtrader fulfils the adapters' contract, with easy strategies and with nasty ones."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from capture.testing.adapter import AdapterContract
from tests.adapters.backtrader import strategies
from tests.adapters.backtrader.runs import BROAD, CORNERS, Backtrader, Case, a_year

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = pytest.mark.host

_QUICK = (
    "SMA cross, other parameters",
    "nasty, at every bar",
    "nasty, partial fills",
    "nasty, on close",
    "brackets, EURUSD hours",
    "reacting, hours",
    "reacting, quick notes",
    "at the open",
    "feeds of three lengths, early",
    "a resampled feed",
    "a replayed feed",
    "out of money",
    "a signal of cerebro's",
    "many indicators, little memory",
    "own verbs",
    "no signals",
)


class TestBacktrader(Backtrader, AdapterContract):
    packages = ("backtrader",)
    runs: ClassVar[Mapping[str, Case]] = {name: CORNERS[name] for name in _QUICK}
    failing = Case(strategies.Failing, a_year)

    @staticmethod
    def changed(run: Any) -> Case:
        return replace(run, settings={**run.settings, "cash": 12_345.0})


@pytest.mark.slow
class TestBacktraderInEveryCorner(TestBacktrader):
    runs: ClassVar[Mapping[str, Case]] = {
        name: case for name, case in {**BROAD, **CORNERS}.items() if name not in _QUICK
    }
