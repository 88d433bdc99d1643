"""NautilusTrader fulfils the adapters' contract, with easy strategies and with nasty ones."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from capture.testing.adapter import AdapterContract
from tests.adapters.nautilus import strategies
from tests.adapters.nautilus.runs import CASES, Case, Results

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Mapping

    from capture.replaying.replay import Replay

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


class TestNautilus(AdapterContract):
    adapter = "nautilus"
    packages = ("nautilus_trader",)
    runs: ClassVar[Mapping[str, Case]] = {name: CASES[name] for name in _QUICK}
    failing = Case(strategies.Failing)

    def compare(self, expected: Results, got: Results) -> None:
        assert got == expected
        assert any(expected.accounts.values())

    @staticmethod
    def changed(run: Any) -> Case:
        return replace(run, balance=2_345_678.0)

    def fills(self, results: Results) -> Counter[tuple[int, int, float]]:
        return results.traded

    def replays(self, run: Any, replay: Replay, **options: Any) -> Callable[[], Any]:
        """The host runs a strategy that was made already, and each of those but once."""
        return lambda: run(lambda _: replay.into(self.adapter, **options))


@pytest.mark.slow
class TestNautilusInEveryCorner(TestNautilus):
    runs: ClassVar[Mapping[str, Case]] = {
        name: case for name, case in CASES.items() if name not in _QUICK
    }
