"""Sizers and risk validators: stateless, the product's own and those of plugins."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from capture.study.portfolio.arithmetic import (
    SIZERS,
    drawdown_too_deep,
    exposure_too_high,
    gross_with,
    lost_too_much,
    position_too_large,
    size_of,
    too_many_positions,
    too_many_trades,
)
from capture.study.portfolio.verdicts import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from capture.study.portfolio.settings import PortfolioSettings
    from capture_builtin.signals import Signal

__all__ = ["Proposal", "Refusal", "Sizer", "Validator", "built_in_sizer", "built_in_validators"]


class Proposal(NamedTuple):
    """An entry that is about to be ordered, and the portfolio it would come into.

    Attributes:
        signal: what the strategy wants.
        symbol: of what.
        place: number of the symbol.
        units: what would be held of it, without a sign; 0 while it is sized.
        price: close of the symbol's last bar.
        equity: worth of the portfolio.
        peak: its highest worth so far.
        day_before: its worth at the end of the day before.
        entries_today: entries that were ordered on this day.
        wanted: units wanted of every symbol, in order of name, once what waits is filled.
        prices: last close of each.
        time_ns: the moment.
    """

    signal: Signal
    symbol: str
    place: int
    units: float
    price: float
    equity: float
    peak: float
    day_before: float
    entries_today: float
    wanted: Sequence[float]
    prices: Sequence[float]
    time_ns: int


class Refusal(NamedTuple):
    """Why an entry is refused.

    Attributes:
        verdict: which of the known verdicts it is.
        detail: in words, which limit it was.
    """

    verdict: Verdict
    detail: str


class Sizer(Protocol):
    """Says how many units an entry trades; the same for the same proposal, whatever was before."""

    def __call__(self, proposal: Proposal, /) -> float:
        """Return the units, without a sign; 0 trades nothing."""
        ...


class Validator(Protocol):
    """Refuses entries; the same for the same proposal, whatever was before."""

    def __call__(self, proposal: Proposal, /) -> str | Refusal | None:
        """Return why the entry is refused, or None."""
        ...


def built_in_sizer(settings: PortfolioSettings) -> Sizer:
    """Return the sizer that the settings name."""
    sizer, size, lot = SIZERS[settings.sizer], settings.size, settings.lot
    by_strength = settings.by_strength

    def sized(proposal: Proposal) -> float:
        said = proposal.signal.strength
        strength = 1.0 if not by_strength or said is None else abs(said)
        return size_of(sizer, size, lot, strength, proposal.equity, proposal.price)

    return sized


def built_in_validators(settings: PortfolioSettings) -> list[Validator]:
    """Return the validators that the settings name, in the order in which they are asked."""
    made = []
    for names, make in _MADE:
        if any(getattr(settings, name) is not None for name in names):
            made.append(make(settings))
    return made


def _limit(value: float | None) -> float:
    return inf if value is None else float(value)


def _positions(settings: PortfolioSettings) -> Validator:
    limit = _limit(settings.max_open_positions)

    def validate(p: Proposal) -> Refusal | None:
        others = 0.0
        for place, wanted in enumerate(p.wanted):
            if place != p.place and wanted != 0.0:
                others = others + 1.0
        if not too_many_positions(others, limit):
            return None
        return Refusal(Verdict.MAX_OPEN_POSITIONS, f"{others:g} open, limit {limit:g}")

    return validate


def _trades(settings: PortfolioSettings) -> Validator:
    limit = _limit(settings.max_trades_per_day)

    def validate(p: Proposal) -> Refusal | None:
        if not too_many_trades(p.entries_today, limit):
            return None
        return Refusal(Verdict.MAX_TRADES_PER_DAY, f"{p.entries_today:g} today, limit {limit:g}")

    return validate


def _position(settings: PortfolioSettings) -> Validator:
    units, value = _limit(settings.max_position_units), _limit(settings.max_position_value)

    def validate(p: Proposal) -> Refusal | None:
        if not position_too_large(p.units, p.price, units, value):
            return None
        said = f"{p.units:g} units at {p.price:g}"
        return Refusal(Verdict.MAX_POSITION, f"{said}, limit {min(units, value / p.price):g}")

    return validate


def _gross(settings: PortfolioSettings) -> Validator:
    limit = _limit(settings.max_gross_exposure)

    def validate(p: Proposal) -> Refusal | None:
        gross = gross_with(p.wanted, p.prices, p.place, p.units, p.price)
        if not exposure_too_high(gross, p.equity, limit):
            return None
        return Refusal(
            Verdict.MAX_GROSS_EXPOSURE, f"{gross:,.2f} of {p.equity:,.2f}, limit x {limit:g}"
        )

    return validate


def _drawdown(settings: PortfolioSettings) -> Validator:
    limit = _limit(settings.max_drawdown)

    def validate(p: Proposal) -> Refusal | None:
        if not drawdown_too_deep(p.equity, p.peak, limit):
            return None
        return Refusal(
            Verdict.MAX_DRAWDOWN, f"{p.equity:,.2f} after {p.peak:,.2f}, limit {limit:.1%}"
        )

    return validate


def _daily_loss(settings: PortfolioSettings) -> Validator:
    limit = _limit(settings.max_daily_loss)

    def validate(p: Proposal) -> Refusal | None:
        if not lost_too_much(p.equity, p.day_before, limit):
            return None
        return Refusal(
            Verdict.MAX_DAILY_LOSS,
            f"{p.equity:,.2f} after {p.day_before:,.2f} the day before, limit {limit:.1%}",
        )

    return validate


_MADE: Final[tuple[tuple[tuple[str, ...], Callable[[Any], Validator]], ...]] = (
    (("max_open_positions",), _positions),
    (("max_trades_per_day",), _trades),
    (("max_position_units", "max_position_value"), _position),
    (("max_gross_exposure",), _gross),
    (("max_drawdown",), _drawdown),
    (("max_daily_loss",), _daily_loss),
)
"""Which settings bring which validator; each by itself, in this order."""
