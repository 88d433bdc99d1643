"""Runs under settings that are not the user's, and on part of the data."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from capture.contracts.perturbing import rehearsal
from capture.contracts.tracing import Trace, is_traced, keep_trace

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from capture.study.portfolio.settings import PortfolioSettings
    from capture_builtin.feeds import Feed

__all__ = ["PERTURBATIONS", "cut", "keep_indicators", "perturbed"]


def perturbed(settings: PortfolioSettings) -> PortfolioSettings:
    """Return the settings of a run; on rehearsal, with one of them changed."""
    wanted = rehearsal()
    if wanted is None or wanted.perturbation is None:
        return settings
    change = _CHANGES[wanted.perturbation.name]
    return replace(settings, **change(settings, wanted.perturbation.amount))


def cut(feeds: list[Feed]) -> list[Feed]:
    """Return the bars of a run; on rehearsal, part of them."""
    wanted = rehearsal()
    if wanted is None or wanted.cut is None:
        return feeds
    kept = [feed.keep([wanted.cut.keeps(label) for label in feed.labels_ns.tolist()])
            for feed in feeds]  # fmt: skip
    return [feed for feed in kept if len(feed)]


def keep_indicators(
    run_id: str, part: int, strategy_id: str, feed: Feed, columns: Mapping[str, Any]
) -> None:
    """Keep every indicator at every bar, if a rehearsal wants it."""
    if is_traced() and columns:
        keep_trace(Trace(run_id, part, strategy_id, feed.labels_ns, columns))


def _more_cash(settings: PortfolioSettings, amount: float) -> dict[str, Any]:
    return {"cash": settings.cash * amount}


def _more_commission(settings: PortfolioSettings, amount: float) -> dict[str, Any]:
    return {"commission_rate": settings.commission_rate + amount}


def _more_slippage(settings: PortfolioSettings, amount: float) -> dict[str, Any]:
    return {"slippage_fraction": min(settings.slippage_fraction + amount, 0.99)}


def _other_moment(settings: PortfolioSettings, _amount: float) -> dict[str, Any]:
    return {"fill": "close" if settings.fill == "next_open" else "next_open"}


_CHANGES: Final[Mapping[str, Callable[[PortfolioSettings, float], dict[str, Any]]]] = {
    "cash": _more_cash,
    "little_cash": _more_cash,
    "commission": _more_commission,
    "slippage": _more_slippage,
    "fill_on_close": _other_moment,
}
PERTURBATIONS: Final = tuple(_CHANGES)
