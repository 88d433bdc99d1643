"""The backtesters that run the scenarios; another one joins with a line here and a module."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from benchmarks.across.scenarios import Host, Scenario

__all__ = ["HOSTS", "LEFT_OUT", "cannot", "host", "installed", "runs"]

HOSTS: Final = {
    "backtesting": "backtesting",
    "backtrader": "backtrader",
    "bt": "bt",
    "builtin": "capture_builtin",
    "nautilus": "nautilus_trader",
    "pybroker": "pybroker",
    "vectorbt": "vectorbt",
    "zipline": "zipline",
}
"""By name, what must be importable."""

LEFT_OUT: Final = {
    ("zipline", "EURUSD"): "its bundles hold days and minutes, and prices in thousandths",
}
"""By backtester and market, why it has no bars of that market."""


def runs(name: str, scenario: Scenario) -> bool:
    """Say whether a backtester can run a scenario."""
    return (name, scenario.market) not in LEFT_OUT


def installed() -> list[str]:
    """Return the names of the backtesters that are there."""
    return [name for name, module in HOSTS.items() if find_spec(module) is not None]


def host(name: str) -> Host:
    """Return a backtester by name."""
    found: Host = import_module(f"benchmarks.across.in_{name}").HOST
    return found


def cannot(name: str, scenario: Scenario) -> str | None:
    """Return why a backtester cannot express a scenario; None if it can."""
    said: dict[str, str] = getattr(host(name), "cannot", {})
    return said.get(scenario.kind)
