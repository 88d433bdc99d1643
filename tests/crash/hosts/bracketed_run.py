"""Backtesting.py with one order that is not plain, from which on all are heard as they happen."""

from __future__ import annotations

from typing import Any

from tests.crash.hosts import backtesting_run


def run(wrap: Any, at: Any) -> None:
    """Give the one order at bar 90."""
    backtesting_run.run(wrap, at, stop_at=90)
