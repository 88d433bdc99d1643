"""Runs under settings that are not the user's, to see whether the strategy's signals change."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Final

from zipline.finance.trading import SimulationParameters

from capture.contracts.perturbing import rehearsal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["PERTURBATIONS", "perturb_costs", "perturb_start"]


def perturb_start(algorithm: Any) -> None:
    """On rehearsal, change the capital of an algorithm that is about to be initialized."""
    wanted = rehearsal()
    if wanted is None or wanted.perturbation is None or wanted.perturbation.name not in _CAPITAL:
        return
    given = algorithm.sim_params
    algorithm.sim_params = SimulationParameters(
        given.start_session,
        given.end_session,
        given.trading_calendar,
        capital_base=given.capital_base * wanted.perturbation.amount,
        emission_rate=given.emission_rate,
        data_frequency=given.data_frequency,
        arena=given.arena,
    )
    # The host made one before it called `initialize`, and it holds the capital.
    algorithm.metrics_tracker = algorithm._create_metrics_tracker()


def perturb_costs(algorithm: Any) -> None:
    """On rehearsal, change the costs of an algorithm that has been initialized."""
    wanted = rehearsal()
    if wanted is None or wanted.perturbation is None or wanted.perturbation.name not in _COSTS:
        return
    attribute, change = _COSTS[wanted.perturbation.name]
    models = getattr(algorithm.blotter, attribute)
    for kind, model in list(models.items()):
        models[kind] = _derived(model, wanted.perturbation.amount, *change)


def _derived(
    model: Any, amount: float, method: str, put: Callable[[Any, Any, float, Any], Any]
) -> Any:
    """Return a copy of a model that finds one figure otherwise."""
    own: Any = type(model)

    def found(self: Any, first: Any, second: Any) -> Any:
        return put(getattr(own, method)(self, first, second), first, amount, second)

    changed = copy.copy(model)
    name = f"{own.__qualname__} + {amount:g}"
    changed.__class__ = type(own)(name, (own,), {method: found, "__module__": own.__module__})
    return changed


def _dearer(cost: Any, _order: Any, amount: float, transaction: Any) -> Any:
    return cost + abs(transaction.amount) * transaction.price * amount


def _worse(found: Any, _data: Any, amount: float, order: Any) -> Any:
    price, volume = found
    return (price if price is None else price * (1 + amount * order.direction)), volume


_CAPITAL: Final = ("cash", "little_cash")
_COSTS: Final[Mapping[str, tuple[str, tuple[str, Any]]]] = {
    "commission": ("commission_models", ("calculate", _dearer)),
    "slippage": ("slippage_models", ("process_order", _worse)),
}
PERTURBATIONS: Final = (*_CAPITAL, *_COSTS)
