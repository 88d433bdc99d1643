"""pybroker fulfils the adapters' contract, with easy executions and with nasty ones."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from capture.testing.adapter import AdapterContract
from tests.adapters.pybroker import strategies as s
from tests.adapters.pybroker.runs import CASES, CROSS, Case, Pybroker, goog, one

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = pytest.mark.host


class TestPybroker(Pybroker, AdapterContract):
    packages = ("pybroker",)
    runs: ClassVar[Mapping[str, Case]] = CASES
    failing = Case(one(s.failing, "GOOG", **CROSS), goog)

    @staticmethod
    def changed(run: Any) -> Case:
        return replace(run, config={**run.config, "initial_cash": 33_333})
