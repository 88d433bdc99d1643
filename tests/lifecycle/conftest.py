"""A repository, on SQLite and on PostgreSQL, and signals to put into it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from capture_sql import SignalRepository

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def repository(db_url: str) -> Iterator[SignalRepository]:
    """An empty repository; the test runs once per kind of database."""
    with SignalRepository(db_url) as made:
        yield made


@pytest.fixture
def signal() -> Callable[..., dict[str, Any]]:
    """Makes a signal as a live system has it."""

    def make(**fields: Any) -> dict[str, Any]:
        return {
            "symbol": "GOOG",
            "side": "buy",
            "strategy_id": "momentum",
            "signal_type": "entry",
            "entry_price": 100.0,
            "requested_quantity": 10,
            **fields,
        }

    return make
