"""The settings of one portfolio: how large it trades, at what cost, and within which limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from math import isfinite
from numbers import Integral, Real
from typing import Any, Final, Literal, get_args

from capture.errors import ConfigError, did_you_mean
from capture.study.naming import identity

__all__ = ["FillTime", "Orders", "PortfolioSettings", "Sizer"]

Sizer = Literal["units", "value", "equity_fraction"]
FillTime = Literal["next_open", "close"]
Orders = Literal["market", "recorded"]

_WORDS: Final = {
    "sizer": get_args(Sizer),
    "fill": get_args(FillTime),
    "orders": get_args(Orders),
}
_FLAGS: Final = ("by_strength", "allow_short")
_COUNTS: Final = ("pyramiding", "max_open_positions", "max_trades_per_day")
_AT_LEAST_0: Final = (
    "lot",
    "slippage_fixed",
    "commission_per_order",
    "commission_per_unit",
    "commission_rate",
    "commission_minimum",
)
_BETWEEN: Final = (
    "slippage_fraction",
    "max_drawdown",
    "max_daily_loss",
    "stop_loss",
    "trailing_stop",
)
"""Fractions under 1."""

_OPTIONAL: Final = (
    "max_open_positions",
    "max_trades_per_day",
    "max_position_units",
    "max_position_value",
    "max_gross_exposure",
    "max_drawdown",
    "max_daily_loss",
    "participation",
    "stop_loss",
    "take_profit",
    "trailing_stop",
)


@dataclass(frozen=True, kw_only=True)
class PortfolioSettings:
    """How one portfolio trades the signals of a recording.

    A limit that is None does not limit. What each means to the last detail stands in
    `docs/sparse-replay.md`.

    Attributes:
        cash: what it starts with.
        sizer: what `size` counts: "units", "value" (money), or "equity_fraction".
        size: how much one entry buys or sells.
        by_strength: multiply the size by the signal's strength, without its sign; a signal without
            a strength has the full size.
        lot: sizes are rounded down to a multiple of it; 0 leaves them as they are.
        pyramiding: how many entries in one direction a position is made of at most.
        allow_short: whether an entry may sell what is not held.
        fill: orders fill at the open of the symbol's next bar, or at the close of the signal's bar.
        slippage_fraction: part of the price that a fill is worse.
        slippage_fixed: amount by which a fill is worse, after the fraction.
        commission_per_order: cost of a fill.
        commission_per_unit: cost per unit of a fill.
        commission_rate: cost as a fraction of a fill's value.
        commission_minimum: the least that a fill costs.
        leverage: gross exposure that equity must carry when an entry fills; 1 borrows nothing.
        max_open_positions: symbols in which something is held at once.
        max_trades_per_day: entries per day (UTC).
        max_position_units: units held of a symbol.
        max_position_value: worth of what is held of a symbol, at the close of the signal's bar.
        max_gross_exposure: worth of everything held, as a multiple of equity.
        max_drawdown: no entry while equity is further below its peak than this fraction.
        max_daily_loss: no entry on a day on which equity is further below the last of the day
            before than this fraction.
        orders: "market" takes every signal as a market order, "recorded" takes limits and stops
            from the recorded orders.
        participation: part of a bar's volume that a fill takes at most; the rest waits.
        stop_loss: close a position that is this fraction worse than its entry.
        take_profit: close a position that is this fraction better than its entry.
        trailing_stop: close a position that is this fraction worse than its best price.

    Example:
        ```python
        PortfolioSettings(sizer="equity_fraction", size=0.5, commission_rate=0.001)
        ```
    """

    cash: float = 100_000.0
    sizer: Sizer = "units"
    size: float = 1.0
    by_strength: bool = False
    lot: float = 0.0
    pyramiding: int = 1
    allow_short: bool = True
    fill: FillTime = "next_open"
    slippage_fraction: float = 0.0
    slippage_fixed: float = 0.0
    commission_per_order: float = 0.0
    commission_per_unit: float = 0.0
    commission_rate: float = 0.0
    commission_minimum: float = 0.0
    leverage: float = 1.0
    max_open_positions: int | None = None
    max_trades_per_day: int | None = None
    max_position_units: float | None = None
    max_position_value: float | None = None
    max_gross_exposure: float | None = None
    max_drawdown: float | None = None
    max_daily_loss: float | None = None
    orders: Orders = "market"
    participation: float | None = None
    stop_loss: float | None = None
    take_profit: float | None = None
    trailing_stop: float | None = None

    def __post_init__(self) -> None:
        """Refuse values that cannot work, and keep numbers as the kind that they are."""
        for name in self.__dataclass_fields__:
            value = getattr(self, name)
            if value is None and name in _OPTIONAL:
                continue
            object.__setattr__(self, name, _checked(name, value))

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> PortfolioSettings:
        """Make settings of a mapping, such as a file holds; an unknown name is refused.

        Raises:
            ConfigError: a name or a value cannot be used; its `setting` says which.
        """
        if not isinstance(values, Mapping):
            raise ConfigError("portfolio", values, "name settings, such as sizer: units, size: 10")
        known = cls.__dataclass_fields__
        for name, value in values.items():
            if name not in known:
                hint = did_you_mean(str(name), known)
                raise ConfigError(
                    str(name), value, f"a portfolio has no such setting.{hint or _all(known)}"
                )
        return cls(**values)

    def to_mapping(self, *, every: bool = True) -> dict[str, Any]:
        """Return the settings by name; with `every=False` only those that are not the default."""
        return {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if every or getattr(self, field.name) != field.default
        }

    @property
    def id(self) -> str:
        """What a person calls these settings: what is not the default, and always the size."""
        said = self.to_mapping(every=False)
        sized: dict[str, Any] = {self.sizer: self.size}
        rest = {name: value for name, value in said.items() if name not in ("sizer", "size")}
        return identity("", {**sized, **rest})


def _all(known: Mapping[str, Any]) -> str:
    return f" There are: {', '.join(known)}"


def _checked(name: str, value: Any) -> Any:
    """Return a value as the kind that it is, or say what is wrong with it."""
    if name in _WORDS:
        if value not in _WORDS[name]:
            hint = did_you_mean(str(value), _WORDS[name])
            raise ConfigError(name, value, f"choose one of {', '.join(_WORDS[name])}.{hint}")
        return value
    if name in _FLAGS:
        if not isinstance(value, bool):
            raise ConfigError(name, value, "say true or false")
        return value
    if isinstance(value, bool) or not isinstance(value, Real) or not isfinite(value):
        raise ConfigError(name, value, f"a number is needed{_or_none(name)}")
    if name in _COUNTS:
        if not isinstance(value, Integral) or value < 1:
            raise ConfigError(
                name, value, f"a whole number of at least 1 is needed{_or_none(name)}"
            )
        return int(value)
    _check_range(name, float(value))
    return float(value)


def _check_range(name: str, value: float) -> None:
    if name in _AT_LEAST_0:
        if value < 0:
            raise ConfigError(name, value, "it cannot be less than 0")
    elif name in _BETWEEN:
        if not 0 <= value < 1:
            raise ConfigError(
                name, value, f"a fraction from 0 to under 1 is needed{_or_none(name)}"
            )
    elif name == "participation" and not 0 < value <= 1:
        raise ConfigError(name, value, "a fraction over 0 and up to 1 is needed, or none")
    elif value <= 0:
        raise ConfigError(name, value, f"more than 0 is needed{_or_none(name)}")


def _or_none(name: str) -> str:
    return ", or none" if name in _OPTIONAL else ""
