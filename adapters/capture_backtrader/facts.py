"""What is read from a run once: the host's settings, the strategy's parameters, its source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from capture_backtrader.feeds import base_table, symbol_of

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["base_table", "changed_settings", "host_settings", "parameters", "shown", "symbol_of"]

_CEREBRO: Final = (
    "preload",
    "runonce",
    "exactbars",
    "oldsync",
    "tz",
    "cheat_on_open",
    "broker_coo",
    "quicknotify",
    "live",
    "lookahead",
)
"""What decides when a strategy is called; how it is shown or written down does not matter."""


def host_settings(cerebro: Any) -> dict[str, Any]:
    """Return the settings of a run, which decide its fills."""
    broker = cerebro.broker
    settings = {name: shown(getattr(cerebro.p, name)) for name in _CEREBRO}
    settings["broker"] = type(broker).__name__
    for name, value in broker.p._getkwargs().items():
        if name != "commission":
            settings[name] = shown(value)
    settings["cash"] = shown(getattr(broker, "startingcash", settings.get("cash")))
    for name, scheme in getattr(broker, "comminfo", {}).items():
        settings["commission" if name is None else f"commission[{name}]"] = _parametrised(scheme)
    for place, (sizer, args, kwargs) in sorted(
        cerebro.sizers.items(), key=lambda item: (item[0] is not None, item[0] or 0)
    ):
        said = {
            "sizer": shown(sizer),
            "args": [shown(value) for value in args],
            **{name: shown(value) for name, value in kwargs.items()},
        }
        settings["sizer" if place is None else f"sizer[{place}]"] = said
    return settings


def changed_settings(before: Mapping[str, Any], now: Mapping[str, Any]) -> set[str]:
    """Return the settings that are others by now, as a run names what it could not keep."""
    every = before.keys() | now.keys()
    return {f"settings.{name}" for name in every if before.get(name) != now.get(name)}


def _parametrised(thing: Any) -> dict[str, Any]:
    """Return class and parameters of an object of the host."""
    given = {name: shown(value) for name, value in thing.p._getkwargs().items()}
    return {"class": type(thing).__qualname__, **given}


def parameters(strategy: Any) -> dict[str, Any]:
    """Return the strategy's parameters, as this run has them."""
    return {name: shown(value) for name, value in strategy.p._getkwargs().items()}


def shown(value: Any) -> Any:
    """Return a value as it is if it is small and plain, and what it is otherwise."""
    if hasattr(value, "item") and hasattr(value, "dtype"):
        return value.tolist()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, dict):
        return {str(key): shown(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [shown(part) for part in value]
    if hasattr(value, "_getkwargs"):
        return {name: shown(part) for name, part in value._getkwargs().items()}
    if hasattr(type(value), "_getkwargsdefault") or hasattr(value, "p"):
        return _of_host(value)
    named = getattr(value, "__qualname__", None)
    if isinstance(named, str):
        return named
    # Whatever shows an address would be another one in each run.
    text = repr(value)
    return type(value).__qualname__ if " at 0x" in text else text


def _of_host(value: Any) -> Any:
    given = getattr(value.p, "_getkwargs", None)
    if isinstance(value, type) or given is None:
        return getattr(value, "__qualname__", type(value).__qualname__)
    name = getattr(value, "_name", None)
    if isinstance(name, str) and name:
        return name
    return type(value).__qualname__
