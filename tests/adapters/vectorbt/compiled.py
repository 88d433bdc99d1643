"""What vectorbt compiles, kept for other processes and for the next time the tests run."""

from __future__ import annotations

from pathlib import Path

import numba
from vectorbt.portfolio import nb

__all__ = ["share_compiled"]

_FOLDER = Path(__file__).parents[3] / ".pytest_cache" / "numba"


def share_compiled() -> None:
    """Keep the simulation of signals, which vectorbt compiles anew in each process.

    It takes seconds for each combination of types, of which the tests have dozens.
    """
    own, numba.config.CACHE_DIR = numba.config.CACHE_DIR, str(_FOLDER)
    try:
        nb.simulate_from_signals_nb.enable_caching()
    finally:
        numba.config.CACHE_DIR = own
