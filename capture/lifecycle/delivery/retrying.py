"""What is done with an item after an attempt: the one place that knows about retries."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Final

from capture.contracts.outbox import Verdict
from capture.contracts.remote_sink import Fate
from capture.errors import ConfigError

if TYPE_CHECKING:
    from capture.contracts.remote_sink import Delivery, Said

__all__ = ["RetryPolicy", "after", "pause_s"]

_NS: Final = 1_000_000_000
LONGEST_RETRY_AFTER_S: Final = 3600.0


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """How an item is tried again.

    Attributes:
        retries: how often an item is sent again before it is given up.
        base_s: the most that is waited before the first retry; it doubles with each.
        cap_s: the most that is ever waited, unless the remote asks for more.
    """

    retries: int = 3
    base_s: float = 1.0
    cap_s: float = 60.0

    def __post_init__(self) -> None:
        """Refuse values that cannot work."""
        if not isinstance(self.retries, int) or isinstance(self.retries, bool) or self.retries < 0:
            raise ConfigError("retries", self.retries, "a whole number of at least 0 is needed")
        for name in ("base_s", "cap_s"):
            if not 0 < getattr(self, name) < float("inf"):
                raise ConfigError(name, getattr(self, name), "more than 0 seconds are needed")

    def backoff_s(self, failures: int, random: Random) -> float:
        """Return how long to wait after so many failures: full jitter, so that none march in step.

        The wait is drawn evenly from nothing up to the bound, and it is the bound that doubles.
        """
        doublings = min(max(failures - 1, 0), 32)
        return random.uniform(0, min(self.cap_s, self.base_s * 2**doublings))


def after(
    delivery: Delivery, said: Said, policy: RetryPolicy, *, now_ns: int, random: Random
) -> Verdict:
    """Return what is kept of an item after what was said to it."""
    match said.fate:
        case Fate.ACCEPTED:
            return Verdict(delivery, "sent", delivery.attempts, now_ns)
        case Fate.REFUSED:
            return Verdict(delivery, "dead", delivery.attempts + 1, now_ns, said.problem)
        case Fate.UNAVAILABLE:  # says nothing of the item, so it costs the item no attempt
            return Verdict(delivery, "pending", delivery.attempts, now_ns, said.problem)
        case Fate.FAILED:
            attempts = delivery.attempts + 1
            if attempts > policy.retries:
                return Verdict(delivery, "dead", attempts, now_ns, said.problem)
            wait_s = max(policy.backoff_s(attempts, random), _asked(said))
            return Verdict(delivery, "pending", attempts, now_ns + int(wait_s * _NS), said.problem)


def pause_s(said: Said, silences: int, policy: RetryPolicy, random: Random) -> float:
    """Return how long a remote is left alone that takes nothing, after so many attempts."""
    return max(policy.backoff_s(silences, random), _asked(said))


def _asked(said: Said) -> float:
    return min(max(said.retry_after_s or 0.0, 0.0), LONGEST_RETRY_AFTER_S)
