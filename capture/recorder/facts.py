"""What is kept once per strategy, or once per run, and not once per signal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from capture.config import SignalCaptureConfig

__all__ = ["StrategyFacts", "config_record", "plain"]


class StrategyFacts:
    """A strategy's identity, parameters, and the metadata of each indicator by name."""

    __slots__ = ("indicators", "params", "strategy_id")

    def __init__(
        self,
        strategy_id: str,
        params: Mapping[str, Any] | None = None,
        indicators: Mapping[str, Any] | None = None,
    ) -> None:
        """Keep copies."""
        self.strategy_id = strategy_id
        self.params = dict(params or {})
        self.indicators = dict(indicators or {})


def config_record(config: SignalCaptureConfig) -> dict[str, Any]:
    """Return the settings as a run's record keeps them; the signing key is only named."""
    record: dict[str, Any] = plain(asdict(config))
    return record


def plain(value: Any) -> Any:
    """Return a value as msgpack and JSON know it; what they do not know, as its text."""
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return int(value) if -(2**63) <= value < 2**64 else repr(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(v) for v in value]
    if isinstance(value, type):
        return f"{value.__module__}.{value.__qualname__}"
    item = getattr(value, "item", None)  # a numpy scalar
    if item is not None and getattr(value, "ndim", 1) == 0:
        return plain(item())
    return str(value)
