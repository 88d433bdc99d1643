"""Arguments of calls as JSON, and back: identifiers, amounts, orders, times."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

import pandas as pd
from nautilus_trader.core.uuid import UUID4
from nautilus_trader.model import data, identifiers, objects
from nautilus_trader.model.events import OrderInitialized
from nautilus_trader.model.orders import Order, OrderList
from nautilus_trader.model.orders.unpacker import OrderUnpacker
from nautilus_trader.model.position import Position

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["decode", "encode", "is_missing"]

_PLAIN: Final = (bool, int, float, str)
_NAMED: Final = {
    name: getattr(identifiers, name)
    for name in (
        "ClientId", "ClientOrderId", "ExecAlgorithmId", "InstrumentId", "OrderListId",
        "PositionId", "StrategyId", "TraderId", "Venue",
    )
}  # fmt: skip
_AMOUNTS: Final = {name: getattr(objects, name) for name in ("Price", "Quantity", "Money")}

_OWN: Final = frozenset({"event_id", "trader_id", "strategy_id", "ts_event"})
_USUAL: Final[dict[str, Any]] = {
    "type": "OrderInitialized",
    "time_in_force": "GTC",
    "post_only": False,
    "reduce_only": False,
    "quote_quantity": False,
    "options": {},
    "emulation_trigger": "NO_TRIGGER",
    "trigger_instrument_id": None,
    "contingency_type": "NO_CONTINGENCY",
    "order_list_id": None,
    "linked_order_ids": None,
    "parent_order_id": None,
    "exec_algorithm_id": None,
    "exec_algorithm_params": None,
    "exec_spawn_id": None,
    "tags": None,
    "reconciliation": False,
}
"""What an order says if it says nothing else."""


def encode(given: Mapping[str, Any], placed: Callable[[Any], bool], missing: set[str]) -> str:
    """Return arguments as JSON.

    Args:
        given: arguments by name; those that are None are left out.
        placed: says of an order whether it was given before; then only its name is kept.
        missing: gets the names of what JSON cannot say.
    """
    said = {}
    for name, value in given.items():
        if value is not None:
            said[name] = coded = _encoded(value, placed)
            if is_missing(coded):
                missing.add(name)
    return json.dumps(said)


def _said_of(order: Any) -> dict[str, Any]:
    """Return what an order says beyond what is usual, and without what is random in it."""
    said = OrderInitialized.to_dict(order.init_event)
    return {
        name: value
        for name, value in said.items()
        if name not in _OWN and (name not in _USUAL or value != _USUAL[name])
    }


def is_missing(coded: Any) -> bool:
    """Say whether something could not be kept."""
    if isinstance(coded, dict):
        return "missing" in coded or any(map(is_missing, coded.values()))
    return isinstance(coded, list) and any(map(is_missing, coded))


def _encoded(value: Any, placed: Callable[[Any], bool]) -> Any:
    kind = type(value).__name__
    if isinstance(value, Enum):
        return {"number": int(value.value)}
    if value is None or type(value) in _PLAIN:
        return value
    if kind in _NAMED or kind in _AMOUNTS or kind == "BarType":
        return {kind: str(value)}
    if isinstance(value, (list, tuple)):
        return [_encoded(each, placed) for each in value]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {"mapping": {key: _encoded(each, placed) for key, each in value.items()}}
    return _of_host(value, placed) or _of_time(value) or {"missing": kind}


def _of_host(value: Any, placed: Callable[[Any], bool]) -> dict[str, Any] | None:
    if isinstance(value, Order):
        if placed(value):
            return {"order": value.client_order_id.value}
        return {"new": _said_of(value)}
    if isinstance(value, OrderList):
        return {"list": value.id.value, "orders": [_encoded(o, placed) for o in value.orders]}
    if isinstance(value, Position):
        return {"position": value.id.value, "instrument": str(value.instrument_id)}
    return None


def _of_time(value: Any) -> dict[str, Any] | None:
    if isinstance(value, pd.Timestamp):
        return {"timestamp": value.isoformat()}
    if isinstance(value, datetime):
        return {"datetime": value.isoformat()}
    if isinstance(value, timedelta):
        return {"timedelta": pd.Timedelta(value).value}
    return None


def decode(
    text: str,
    order: Callable[[str], Any],
    position: Callable[[str, str], Any],
    owner: Mapping[str, str],
    renamed: Callable[[str], str],
) -> dict[str, Any]:
    """Return the arguments again.

    Args:
        text: as `encode` wrote them.
        order: returns the order that stands for a recorded one.
        position: returns the position that stands for a recorded one, of an instrument.
        owner: whose orders the new ones are: `trader_id` and `strategy_id`.
        renamed: returns what an order is called now.
    """
    reader = _Reader(order, position, owner, renamed)
    return {name: reader.read(value) for name, value in json.loads(text).items()}


class _Reader:
    """Makes the host's values of what was encoded."""

    def __init__(
        self, order: Any, position: Any, owner: Mapping[str, str], renamed: Callable[[str], str]
    ) -> None:
        self._renamed = renamed
        self._order = order
        self._position = position
        self._owner = owner
        self._simple: dict[str, Callable[[Any], Any]] = {
            "number": int,
            "order": order,
            "new": self._new,
            "timestamp": pd.Timestamp,
            "datetime": datetime.fromisoformat,
            "timedelta": pd.Timedelta,
            "BarType": data.BarType.from_str,
            "mapping": lambda said: {key: self.read(each) for key, each in said.items()},
            "missing": lambda _: None,
        }

    def read(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self.read(each) for each in value]
        if not isinstance(value, dict):
            return value
        kind, said = next(iter(value.items()))
        if kind in _NAMED:
            return _NAMED[kind].from_str(said) if kind == "InstrumentId" else _NAMED[kind](said)
        if kind in _AMOUNTS:
            return _AMOUNTS[kind].from_str(said)
        if kind == "list":
            orders = [self.read(each) for each in value["orders"]]
            return OrderList(identifiers.OrderListId(said), orders)
        if kind == "position":
            return self._position(said, value["instrument"])
        return self._simple[kind](said)

    def _new(self, said: Mapping[str, Any]) -> Any:
        own = {"event_id": UUID4().value, "ts_event": said["ts_init"], **self._owner}
        values = {**_USUAL, **said, **own}
        for name in ("client_order_id", "parent_order_id"):
            if values[name] is not None:
                values[name] = self._renamed(values[name])
        if values["linked_order_ids"]:
            values["linked_order_ids"] = [self._renamed(n) for n in values["linked_order_ids"]]
        return OrderUnpacker.from_init(OrderInitialized.from_dict(values))
