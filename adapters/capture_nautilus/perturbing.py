"""Runs under settings that are not the user's, to see whether the strategy's signals change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from nautilus_trader.model.objects import Money

from capture.contracts.perturbing import rehearsal
from capture_nautilus.facts import exchanges_of
from capture_nautilus.market import engine_of

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["PERTURBATIONS", "perturb"]

PERTURBATIONS: Final = ("cash", "little_cash")
"""Balances are lists that the host reads when a run begins; its other settings are for good."""

_CHANGED: Final[set[int]] = set()


def perturb(strategy: Any) -> Callable[[], None]:
    """On rehearsal, change the balances of an engine before its run; return what puts them back.

    Args:
        strategy: a strategy that was added to the engine; a replay is left alone.
    """
    wanted = rehearsal()
    if (
        wanted is None
        or wanted.perturbation is None
        or hasattr(type(strategy), "replay_source")
        or wanted.perturbation.name not in PERTURBATIONS
    ):
        return lambda: None
    amount = wanted.perturbation.amount
    before = [
        (exchange.starting_balances, list(exchange.starting_balances))
        for exchange in exchanges_of(engine_of(strategy.msgbus))
        if id(exchange.starting_balances) not in _CHANGED  # by another strategy of the engine
    ]
    for balances, own in before:
        _CHANGED.add(id(balances))
        balances[:] = [Money(money.as_double() * amount, money.currency) for money in own]

    def restore() -> None:
        for balances, own in before:
            balances[:] = own
            _CHANGED.discard(id(balances))

    return restore
