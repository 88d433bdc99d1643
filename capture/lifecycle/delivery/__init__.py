"""From the outbox to remote systems: at least once, in order per signal, without haste."""

from capture.lifecycle.delivery.bucket import TokenBucket
from capture.lifecycle.delivery.retrying import RetryPolicy
from capture.lifecycle.delivery.sender import Round, Sender

__all__ = ["RetryPolicy", "Round", "Sender", "TokenBucket"]
