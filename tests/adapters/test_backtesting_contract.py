"""Backtesting.py fulfils the adapters' contract, with easy strategies and with nasty ones."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from capture.testing.adapter import AdapterContract
from tests.adapters import strategies
from tests.adapters.runs import CASES, Backtesting, Case, goog

pytestmark = pytest.mark.host


class TestBacktesting(Backtesting, AdapterContract):
    packages = ("backtesting",)
    runs = CASES
    failing = Case(strategies.Failing, goog, {"cash": 10_000})

    @staticmethod
    def changed(run: Any) -> Case:
        return replace(run, settings={**run.settings, "cash": run.settings["cash"] * 3})
