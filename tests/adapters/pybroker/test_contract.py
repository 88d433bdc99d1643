"""pybroker fulfils the adapters' contract, with easy executions and with nasty ones."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from capture.testing.adapter import AdapterContract
from tests.adapters.pybroker import strategies as s
from tests.adapters.pybroker.runs import (
    CASES,
    CROSS,
    Case,
    assert_same_results,
    fills_of,
    goog,
    one,
)

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Mapping

pytestmark = pytest.mark.host


class TestPybroker(AdapterContract):
    adapter = "pybroker"
    packages = ("pybroker",)
    runs: ClassVar[Mapping[str, Case]] = CASES
    failing = Case(one(s.failing, "GOOG", **CROSS), goog)

    def compare(self, expected: Any, got: Any) -> None:
        assert_same_results(expected, got)

    @staticmethod
    def changed(run: Any) -> Case:
        return replace(run, config={**run.config, "initial_cash": 33_333})

    def fills(self, results: Any) -> Counter[tuple[int, int, float]]:
        case = next(c for c in CASES.values() if self.kept(c)[0] is results)
        return fills_of(case, results)
