"""NautilusTrader fulfils the adapters' contract, with easy strategies and with nasty ones."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from capture.testing.adapter import AdapterContract
from tests.adapters.nautilus import strategies
from tests.adapters.nautilus.runs import CASES, Case, Nautilus

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = pytest.mark.host

_QUICK = (
    "SMA cross, EURUSD hours",
    "bands, many values",
    "brackets",
    "brackets, managed by the strategy",
    "nasty",
    "nasty, late and slipping",
    "reacting",
    "timers",
    "two instruments",
    "hedged",
    "holding",
    "notes",
    "no signals",
)


class TestNautilus(Nautilus, AdapterContract):
    packages = ("nautilus_trader",)
    runs: ClassVar[Mapping[str, Case]] = {name: CASES[name] for name in _QUICK}
    failing = Case(strategies.Failing)

    @staticmethod
    def changed(run: Any) -> Case:
        return replace(run, balance=2_345_678.0)


@pytest.mark.slow
class TestNautilusInEveryCorner(TestNautilus):
    runs: ClassVar[Mapping[str, Case]] = {
        name: case for name, case in CASES.items() if name not in _QUICK
    }
