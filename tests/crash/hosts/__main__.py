"""Runs a backtester until something happens.

Words: the backtester, the store, the durability, what happens, and the bar before whose decision it
does: `killed` ends the process, `full` leaves no room on the disk for 150 bars, `whole` is nothing.
"""

from __future__ import annotations

import os
import resource
import sys
from functools import partial
from importlib import import_module

import capture

NO_LIMIT = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
FULL = 150


def main(host: str, store: str, durability: str, fate: str, bar: str) -> None:
    """Run the program of a backtester."""
    its_bar = int(bar)

    def at(now: int) -> None:
        """Let happen what is to happen before the decision of this bar."""
        if fate == "killed" and now == its_bar:
            os.kill(os.getpid(), 9)
        if fate == "full" and now == its_bar:
            resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
        if fate == "full" and now == its_bar + FULL:
            resource.setrlimit(resource.RLIMIT_FSIZE, NO_LIMIT)

    wrap = partial(capture.wrap, store=store, buffer_size=64, durability=durability)
    import_module(f"tests.crash.hosts.{host}_run").run(wrap, at)


if __name__ == "__main__":
    main(*sys.argv[1:])
