"""What is kept once per strategy, or once per run, and not once per signal."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from types import FunctionType
from typing import TYPE_CHECKING, Any

from capture.hiding import without_secrets

if TYPE_CHECKING:
    from capture.config import SignalCaptureConfig

__all__ = ["StrategyFacts", "as_json", "config_record", "plain"]


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
    """Return the settings as a run's record keeps them: without secrets; a key is only named."""
    record: dict[str, Any] = without_secrets(plain(asdict(config)))
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
    if isinstance(value, (type, FunctionType)):
        return f"{value.__module__}.{value.__qualname__}"
    if type(value).__module__ == "numpy" and hasattr(value, "tolist"):
        listed = value.tolist()  # a scalar becomes a plain value
        return str(value) if type(listed) is type(value) else plain(listed)
    return str(value)


def as_json(value: Any) -> str:
    """Return a value as JSON; what JSON does not know, as its text, and what has no end, as that.

    The texts of a mapping's keys decide their order.
    """
    try:
        return json.dumps(plain(value), ensure_ascii=False, sort_keys=True)
    except (RecursionError, ValueError):
        return json.dumps(repr(value), ensure_ascii=False)
