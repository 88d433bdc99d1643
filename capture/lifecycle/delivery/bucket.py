"""A rate limit: tokens that drip into a bucket, and one is needed for each item."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Final

from capture.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["TokenBucket"]


class TokenBucket:
    """Says how long to wait, so that no more than so many items leave in a second.

    Args:
        per_second: how many tokens come in a second.
        burst: how many the bucket holds; it is full at first. By default a second's worth.
        clock: the seconds; only their differences count.
    """

    def __init__(
        self,
        per_second: float,
        burst: float | None = None,
        *,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        if not 0 < per_second < float("inf"):
            raise ConfigError("per_second", per_second, "more than 0 is needed")
        self._rate: Final = per_second
        self._burst: Final = max(per_second, 1.0) if burst is None else burst
        if not self._burst >= 1:
            raise ConfigError("burst", burst, "at least 1 is needed")
        self._clock = clock
        self._tokens = self._burst
        self._at = clock()

    def take(self, count: int = 1) -> float:
        """Take tokens, and return how many seconds to wait before they may be used.

        More may be taken than there are: whoever comes next then waits for that.
        """
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate) - count
        self._at = now
        return max(-self._tokens / self._rate, 0.0)
