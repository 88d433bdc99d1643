"""The class of strategies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from capture.errors import ConfigError, did_you_mean
from capture_builtin.needs import Needs
from capture_builtin.signals import Signal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from capture_builtin.account import Account
    from capture_builtin.market import Market
    from capture_builtin.orders import Intent

__all__ = ["Strategy", "declared_parameters"]


class Strategy:
    """Says what it wants, bar by bar.

    Its parameters are public attributes of the class. It declares in `needs` what it sees, and
    says in `generate_signal` what it wants: by what it returns, or by calling `buy`, `sell`,
    `close` and `cancel`. It is called when a bar has closed, after the orders of earlier bars were
    carried out.

    Example:
        ```python
        class Cross(Strategy):
            fast = 10
            slow = 30

            def needs(self):
                averages = {
                    "fast": Feature("sma", window=self.fast),
                    "slow": Feature("sma", window=self.slow),
                }
                return Needs(features=averages, lookback=self.slow)

            def generate_signal(self, market):
                return 1 if market.feature("fast") > market.feature("slow") else -1
        ```
    """

    _emit: Callable[..., Intent]
    _account: Account | None = None

    def __init__(self, **params: Any) -> None:
        """Make a strategy with these parameters; others keep the values of the class."""
        known = declared_parameters(type(self))
        for name, value in params.items():
            if name not in known:
                hint = did_you_mean(name, known)
                have = "" if hint else f" It has {', '.join(known) or 'none'}"
                raise ConfigError(
                    name, value, f"{type(self).__name__} has no such parameter.{hint}{have}"
                )
            setattr(self, name, value)

    # --- what a strategy says of itself ------------------------------------------------------

    def needs(self) -> Needs:
        """Return what it sees; by default the bars of every symbol."""
        return Needs()

    def start(self) -> None:
        """Get ready; called once before the first bar."""

    def generate_signal(self, market: Market) -> Signal | int | Iterable[Signal] | None:
        """Return what is wanted now: a signal or several, a direction, or None for no change.

        Args:
            market: what is known at this moment.
        """
        raise NotImplementedError(f"{type(self).__name__} must say what it wants")

    # --- what it can do ----------------------------------------------------------------------

    def buy(self, symbol: str | None = None, **how: Any) -> Intent:
        """Want to be long, `how` as in `Signal`; return what `capture.note` takes as signal."""
        return self._signal(Signal(direction=1, symbol=symbol, **how))

    def sell(self, symbol: str | None = None, **how: Any) -> Intent:
        """Want to be short, `how` as in `Signal`; return what `capture.note` takes as signal."""
        return self._signal(Signal(direction=-1, symbol=symbol, **how))

    def close(self, symbol: str | None = None, **how: Any) -> Intent:
        """Want to be flat; return what `capture.note` takes as signal."""
        return self._signal(Signal(direction=0, symbol=symbol, **how))

    def cancel(self, symbol: str | None = None) -> None:
        """Take back limits and stops that still wait; of every symbol if none is named."""
        self._cancel(symbol)

    def _signal(self, signal: Signal) -> Intent:
        return self._emit(signal)

    _cancel: Callable[[str | None], None]

    @property
    def portfolio(self) -> Account:
        """Position, cash and equity.

        A strategy that looks at them may want other things under other settings, so that its
        recording can be replayed under the same settings only.
        """
        if self._account is None:
            raise ConfigError(
                "portfolio", None, "signals are generated here without one; decide on the market"
            )
        return self._account


def declared_parameters(strategy: type[Strategy]) -> dict[str, Any]:
    """Return the parameters that a class declares, with their defaults, in order of name."""
    found: dict[str, Any] = {}
    for cls in reversed(strategy.__mro__):
        if cls is object or cls is Strategy:
            continue
        for name, value in vars(cls).items():
            if not name.startswith("_") and _is_value(value):
                found[name] = value
    return dict(sorted(found.items()))


def _is_value(value: Any) -> bool:
    return isinstance(value, (bool, int, float, str, tuple, list, dict, type(None)))
