"""Market orders with zipline."""

from __future__ import annotations

from typing import Any

import pandas as pd
from zipline import run_algorithm
from zipline.api import order, symbol

from tests.adapters.zipline.bundle import BUNDLE, ingested


def run(wrap: Any, at: Any) -> None:
    """Run it over some 400 bars."""
    ingested()

    def initialize(context: Any) -> None:
        context.asset, context.bar = symbol("GOOG"), -1

    def handle_data(context: Any, data: Any) -> None:
        context.bar += 1
        at(context.bar)
        order(context.asset, -3 if context.bar % 2 else 3)

    start, end = pd.Timestamp("2004-08-19"), pd.Timestamp("2006-03-31")
    run_algorithm(
        **wrap(initialize=initialize, handle_data=handle_data),
        start=start,
        end=end,
        capital_base=100_000.0,
        bundle=BUNDLE,
        benchmark_returns=pd.Series(0.0, index=pd.date_range(start, end, tz="UTC")),
    )
