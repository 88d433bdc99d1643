"""The steps of the host, each of which lets every strategy act once: who counts them."""

from __future__ import annotations

from typing import Any

__all__ = ["Steps", "counts_steps"]


class Steps:
    """Counts the steps of the host where the host itself does not.

    Attributes:
        lencount: how many there were, under the name that it has in the host's own lines.
    """

    def __init__(self) -> None:
        """Begin before the first step."""
        self.lencount = 0


def counts_steps(cerebro: Any) -> bool:
    """Return whether steps must be counted: in a vectorised run, the strategy's length says them.

    Bar by bar, the host lets a strategy grow only when a feed does.
    """
    plain = cerebro._dopreload and cerebro._dorunonce
    return not plain or cerebro.p.oldsync or cerebro.p.quicknotify
