"""Why vectorbt refused an order, where that follows from what the order and the account were."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from vectorbt.portfolio.enums import SizeType

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from capture_vectorbt.cells import Cells, Simulated

__all__ = ["prices_of", "refusals"]

_CLOSE: float = 1e-9
"""Relative difference below which vectorbt may take two amounts for equal."""


def prices_of(
    simulated: Simulated, bars: NDArray[np.int64], columns: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the prices that orders are filled at, without slippage."""
    price = np.asarray(simulated.at("price", bars, columns), dtype=np.float64)
    close = simulated.at("close", bars, columns)
    if not np.isinf(price).any():
        return price
    earlier = simulated.at("close", np.maximum(bars - 1, 0), columns)
    lower = np.where(bars > 0, earlier, np.nan)
    if "open" in simulated:
        opened = simulated.at("open", bars, columns)
        lower = np.where(np.isnan(opened), earlier, opened)
    found: NDArray[np.float64] = np.where(
        np.isposinf(price), close, np.where(np.isneginf(price), lower, price)
    )
    return found


def refusals(
    cells: Cells,
    simulated: Simulated,
    held: NDArray[np.float64],
    cash: NDArray[np.float64] | None,
) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Yield vectorbt's own word for a refusal, and the signals of which it holds if they are alone.

    What depends on chance, on other orders of the bar or on a value that is not kept is left out.

    Args:
        cells: the signals.
        simulated: what the simulation was given.
        held: the position before each signal's bar.
        cash: the cash before it; None where columns share it.
    """

    def given(name: str) -> Any:
        return simulated.at(name, cells.bars, cells.columns)

    sure = given("reject_prob") == 0
    size = np.asarray(given("size"), dtype=np.float64)
    price = prices_of(simulated, cells.bars, cells.columns)
    yield "PriceNaN", sure & np.isnan(price) & ~np.isnan(size)
    yield "SizeNaN", sure & np.isnan(size)
    # An order in units that goes where the position already is, or from none.
    size = np.abs(size)
    sure &= (given("size_type") == SizeType.Amount) & ~cells.exits & (held * cells.sides >= 0)
    whole = ~np.asarray(given("allow_partial"), dtype=bool)
    over = sure & whole & (size > given("max_size")) & (np.isfinite(size) | (cells.sides > 0))
    yield "MaxSizeExceeded", over
    if cash is None:
        return
    sure &= ~over & (cells.sides > 0) & ~np.asarray(given("lock_cash"), dtype=bool)
    cost = price * (1 + given("slippage")) * (1 + given("fees"))
    wanted = np.minimum(size, given("max_size"))
    short = wanted * cost + given("fixed_fees") > cash * (1 + _CLOSE)
    uncovered = sure & short & (cash <= given("fixed_fees"))
    yield "CantCoverFees", uncovered
    plain = np.isnan(np.asarray(given("size_granularity"), dtype=np.float64))
    plain &= cash - given("fixed_fees") > given("min_size") * cost * (1 + _CLOSE)
    yield "PartialFill", sure & short & ~uncovered & whole & plain & np.isfinite(size)
