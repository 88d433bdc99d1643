"""What is read from a run once: the host's settings, the strategy's parameters."""

from __future__ import annotations

import gc
from decimal import Decimal
from enum import Enum
from typing import Any, Final

from nautilus_trader.config import StrategyConfig

__all__ = ["exchanges_of", "host_settings", "own_config", "parameters", "shown"]

_EXCHANGE: Final = (
    "oms_type", "account_type", "base_currency", "starting_balances", "default_leverage",
    "leverages", "book_type", "is_frozen_account", "reject_stop_orders", "support_gtd_orders",
    "support_contingent_orders", "use_position_ids", "use_random_ids", "use_reduce_only",
    "use_message_queue", "bar_execution", "bar_adaptive_high_low_ordering", "trade_execution",
    "fill_model", "fee_model", "latency_model", "margin_model", "modules",
)  # fmt: skip
_INSTRUMENT: Final = (
    "maker_fee", "taker_fee", "margin_init", "margin_maint", "price_precision", "size_precision",
    "price_increment", "size_increment", "multiplier", "lot_size", "min_quantity", "max_quantity",
    "min_notional", "max_notional",
)  # fmt: skip
_BASE: Final = frozenset(StrategyConfig.__struct_fields__)
_DECIDES: Final = (
    "use_uuid_client_order_ids", "use_hyphens_in_client_order_ids", "oms_type",
    "external_order_claims", "manage_contingent_orders", "manage_gtd_expiry",
)  # fmt: skip


def exchanges_of(engine: Any) -> list[Any]:
    """Return the simulated exchanges of an engine, which it keeps to itself."""
    if engine is None:
        return []
    names = {str(venue) for venue in engine.list_venues()}
    for held in gc.get_referents(engine):
        if isinstance(held, dict) and {str(key) for key in held} == names and held:
            return [held[key] for key in sorted(held, key=str)]
    return []


def host_settings(engine: Any) -> dict[str, Any]:
    """Return the settings of a run, which decide its fills."""
    settings: dict[str, Any] = {}
    for exchange in exchanges_of(engine):
        venue = str(exchange.id)
        for name in _EXCHANGE:
            settings[f"{venue}.{name}"] = shown(getattr(exchange, name, None))
        borrows = getattr(exchange.get_account(), "allow_borrowing", None)
        settings[f"{venue}.allow_cash_borrowing"] = borrows
        for instrument_id, instrument in sorted(exchange.instruments.items(), key=str):
            said = {name: shown(getattr(instrument, name, None)) for name in _INSTRUMENT}
            settings[f"{instrument_id}"] = said
    risk = getattr(getattr(engine, "kernel", None), "risk_engine", None)
    if risk is not None:
        settings["risk.bypass"] = bool(risk.is_bypassed)
        limits = risk.max_notionals_per_order()
        settings["risk.max_notional_per_order"] = {str(k): str(v) for k, v in limits.items()}
    return settings


def parameters(config: Any) -> dict[str, Any]:
    """Return the strategy's own parameters: what its configuration adds to the host's."""
    names = [name for name in config.__struct_fields__ if name not in _BASE]
    return {name: shown(getattr(config, name)) for name in names}


def own_config(strategy: Any) -> dict[str, Any]:
    """Return what a strategy's configuration says to the host about its orders."""
    config = strategy.config
    said = {name: shown(getattr(config, name)) for name in _DECIDES}
    component = config.strategy_id
    return {
        **said,
        "strategy_id": None if component is None else str(component),
        "order_id_tag": strategy.order_id_tag,
    }


def shown(value: Any) -> Any:
    """Return a value as it is if it is small and plain, and what it is otherwise."""
    if isinstance(value, Enum):
        return value.name
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, dict):
        return {str(key): shown(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [shown(part) for part in value]
    code = getattr(value, "code", None)
    if isinstance(code, str):  # a currency
        return code
    text = str(value)
    # Whatever shows an address would be another one in each run.
    return _model(value) if " at 0x" in text else text


def _model(value: Any) -> dict[str, Any] | str:
    """Return class and numbers of a model of the host."""
    names = [name for name in dir(value) if name[:1] != "_"]
    found = {name: getattr(value, name, None) for name in names}
    found |= {n.lstrip("_"): v for n, v in getattr(value, "__dict__", {}).items()}
    plain = {
        name: shown(each)
        for name, each in found.items()
        if isinstance(each, (bool, int, float, str, Decimal)) or type(each).__name__ == "Money"
    }
    plain |= _hidden(value)
    return {"class": type(value).__qualname__, **plain} if plain else type(value).__qualname__


def _hidden(value: Any) -> dict[str, Any]:
    """Return amounts that a model keeps to itself."""
    held = [str(each) for each in gc.get_referents(value) if type(each).__name__ == "Money"]
    return {"amounts": held} if held else {}
