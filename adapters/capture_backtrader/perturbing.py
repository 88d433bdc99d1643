"""Runs under settings that are not the user's, to see whether the strategy's signals change."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Final

import backtrader as bt

from capture.contracts.perturbing import rehearsal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["PERTURBATIONS", "perturb"]


def perturb(broker: Any, original: Any) -> Callable[[], None]:
    """On rehearsal, change one setting of a broker before its run; return what puts it back.

    Args:
        broker: the broker of a run that is about to begin.
        original: the class of the strategy; a replay is left alone.
    """
    wanted = rehearsal()
    if (
        wanted is None
        or wanted.perturbation is None
        or hasattr(original, "replay_source")
        or not isinstance(broker, bt.brokers.BackBroker)
    ):
        return lambda: None
    schemes, before = dict(broker.comminfo), broker.p._getkwargs()

    def restore() -> None:
        broker.comminfo = schemes
        for name in ("cash", "coc", "slip_perc", "slip_open"):
            setattr(broker.p, name, before[name])

    _CHANGES[wanted.perturbation.name](broker, wanted.perturbation.amount)
    return restore


def _more_cash(broker: Any, amount: float) -> None:
    broker.setcash(broker.startingcash * amount)


def _more_commission(broker: Any, amount: float) -> None:
    broker.comminfo = {name: _dearer(scheme, amount) for name, scheme in broker.comminfo.items()}


def _dearer(scheme: Any, amount: float) -> Any:
    """Return a copy of a commission scheme that charges a share of the value more."""
    own: Any = type(scheme)

    def charge(self: Any, size: float, price: float, pseudoexec: bool) -> Any:
        return own._getcommission(self, size, price, pseudoexec) + abs(size) * price * amount

    copied = copy.copy(scheme)
    name = f"{own.__qualname__} + {amount:g}"
    copied.__class__ = type(own)(name, (own,), {"_getcommission": charge})
    return copied


def _more_slippage(broker: Any, amount: float) -> None:
    broker.p.slip_perc += amount
    broker.p.slip_open = True  # a market order is filled at an open, which would not slip


def _other_moment(broker: Any, _amount: float) -> None:
    broker.set_coc(not broker.p.coc)


_CHANGES: Final[Mapping[str, Callable[[Any, float], None]]] = {
    "cash": _more_cash,
    "little_cash": _more_cash,
    "commission": _more_commission,
    "slippage": _more_slippage,
    "fill_on_close": _other_moment,
}
PERTURBATIONS: Final = tuple(_CHANGES)
