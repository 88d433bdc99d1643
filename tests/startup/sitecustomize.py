"""Lets every process that the tests start keep what vectorbt compiles, and find it again.

vectorbt compiles its simulation of signals anew in each process, which takes seconds for each
combination of types. Python imports this file when it starts and finds the folder on its path;
nothing happens unless vectorbt is imported.
"""

from __future__ import annotations

import sys
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parents[2] / ".pytest_cache" / "numba"
_SIMULATION = "vectorbt.portfolio.nb"


class _Finder:
    """Finds that one module, once, and lets it keep what it compiles."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name != _SIMULATION:
            return None
        sys.meta_path.remove(self)  # type: ignore[arg-type]
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def exec_module(module: Any) -> None:
                execute(module)
                keep_compiled(module)

            spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


def keep_compiled(module: Any) -> None:
    """Keep what this module's simulation is compiled to, in a folder that the tests share."""
    import numba

    own, numba.config.CACHE_DIR = numba.config.CACHE_DIR, str(_FOLDER)
    try:
        module.simulate_from_signals_nb.enable_caching()
    finally:
        numba.config.CACHE_DIR = own


if _SIMULATION not in sys.modules:
    sys.meta_path.insert(0, _Finder())  # type: ignore[arg-type]
