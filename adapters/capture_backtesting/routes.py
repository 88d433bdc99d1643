"""Where a strategy's orders are heard: at its own methods, or at the broker behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from backtesting.backtesting import Strategy

if TYPE_CHECKING:
    from collections.abc import Callable

    Placing = Callable[[int, Callable[..., Any]], Callable[..., Any]]

__all__ = ["hear", "hear_no_more"]

_ARGUMENTS: Final = ("size", "limit", "stop", "sl", "tp", "tag")


def hear(strategy: Any, placing: Placing) -> None:
    """Put on the strategy what `placing` makes of its calls to buy and to sell.

    A strategy that has a `buy` or `sell` of its own may call the host's with other arguments, or
    not at all. Its orders are heard where the host passes them to the broker.

    Args:
        strategy: the strategy.
        placing: gets the side and the host's function, and returns what stands in its place.
    """
    own = type(strategy)
    if own.buy is Strategy.buy and own.sell is Strategy.sell:
        strategy.buy, strategy.sell = placing(1, Strategy.buy), placing(-1, Strategy.sell)
    else:
        strategy._broker.new_order = _at_the_broker(strategy._broker, placing)


def hear_no_more(strategy: Any, broker: Any) -> None:
    """Leave strategy and broker as the host made them."""
    if strategy is not None:
        strategy.__dict__.pop("buy", None)
        strategy.__dict__.pop("sell", None)
    broker.__dict__.pop("new_order", None)


def _at_the_broker(broker: Any, placing: Placing) -> Callable[..., Any]:
    def new_order(*args: Any, trade: Any = None, **kwargs: Any) -> Any:
        def call(_strategy: Any = None, **_said: Any) -> Any:
            return type(broker).new_order(broker, *args, trade=trade, **kwargs)

        if trade is not None:  # a stop-loss or take-profit, which belongs to its trade
            return call()
        said = {**dict(zip(_ARGUMENTS, args, strict=False)), **kwargs}
        size = said.pop("size")
        if size not in (Strategy._FULL_EQUITY, -Strategy._FULL_EQUITY):
            said["size"] = abs(size)
        given = {name: value for name, value in said.items() if value is not None}
        return placing(1 if size > 0 else -1, call)(**given)

    return new_order
