"""What the figures were measured on; never the machine's name."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

__all__ = ["described", "load"]

_LIBRARIES: Final = (
    "signal-capture",
    "backtesting",
    "duckdb",
    "h5py",
    "msgpack",
    "numpy",
    "pandas",
    "pyarrow",
)


def described() -> dict[str, Any]:
    """Return cores, system, Python and library versions."""
    return {
        "cores": os.cpu_count(),
        "system": platform.system(),
        "processor": platform.machine(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "optimised": bool(sys.flags.optimize),
        "libraries": {name: _version(name) for name in _LIBRARIES},
    }


def load() -> float | None:
    """Return how many processes wanted to run in the last minute, where the system says so."""
    try:
        return round(os.getloadavg()[0], 2)
    except (AttributeError, OSError):
        return None


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
