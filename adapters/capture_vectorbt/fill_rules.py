"""How vectorbt fills orders under the arguments of a call."""

from __future__ import annotations

from math import isinf, isnan
from typing import TYPE_CHECKING, Any

from capture.contracts.fill_rules import Asked, FillRules, Sized, at_cost

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["rules"]


def rules(settings: Mapping[str, Any]) -> FillRules | None:
    """Return how `from_signals` fills market orders; None where its arguments are arrays."""
    if settings.get("constructor") != "from_signals" or settings.get("price") is not None:
        return None
    plain = ("fees", "fixed_fees", "slippage", "size_granularity", "init_cash")
    given = {name: _number(settings.get(name)) for name in plain}
    slippage = given["slippage"]

    def slipped(price: float, side: int, _opens: bool, _bar: Mapping[str, float]) -> float:
        return price * (1 + slippage) if side > 0 else price * (1 - slippage)  # type: ignore[operator]

    known = given["fees"] is not None and given["fixed_fees"] is not None
    return FillRules(
        delay=0,
        place="close",
        slipped=None if slippage is None else slipped,
        commission=at_cost(given["fees"], given["fixed_fees"]) if known else None,  # type: ignore[arg-type]
        sized=_sized(given) if known else None,
        cash=given["init_cash"],
    )


def _number(value: Any) -> float | None:
    try:
        return None if value is None or isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        return None


def _sized(given: Mapping[str, Any]) -> Any:
    fees, fixed, step = given["fees"], given["fixed_fees"], given["size_granularity"]

    def sized(asked: Asked) -> Sized | None:
        size = None if asked.size is None else abs(asked.size)
        if size is not None and not isinf(size):
            if asked.size_kind not in {"units", "target"}:
                size = None
            else:
                exact, how = size, "units"
        if size is None or isinf(size):
            exact = max(0.0, asked.equity_at_fill - fixed) / (asked.price * (1 + fees))
            how = f"all of {asked.equity_at_fill:,.2f} at {asked.price:g} and fees"
        rounded = exact if step is None or isnan(step) else exact // step * step
        return Sized(exact, rounded, how)

    return sized
