"""The events of a run and the words they are made of: immutable values, cheap to make."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

__all__ = [
    "Bar",
    "CapturedSignal",
    "Event",
    "Fill",
    "FlushReport",
    "Order",
    "Reason",
    "RegimeChange",
    "RunInfo",
    "RunState",
    "RunSummary",
    "SignalContext",
    "SignalStatus",
    "SignalType",
    "StatusChange",
]


class SignalType(StrEnum):
    """What a signal does to the position."""

    ENTRY = "entry"
    EXIT = "exit"
    ADJUSTMENT = "adjustment"


class SignalStatus(StrEnum):
    """How far a signal has come."""

    GENERATED = "generated"
    PASSED_RISK = "passed_risk"
    REJECTED = "rejected"
    SUBMITTED = "submitted"
    EXECUTED = "executed"
    PARTIALLY_FILLED = "partially_filled"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    MISSED = "missed"
    ERROR = "error"


class Reason(StrEnum):
    """Why a signal's status changed: one vocabulary for all backtesters."""

    FILLED = "filled"
    PARTIALLY_FILLED = "partially_filled"
    ACCEPTED = "accepted"
    FILTERED = "filtered_by_strategy"
    RISK_LIMIT = "risk_limit"
    SIZED_TO_ZERO = "sized_to_zero"
    INSUFFICIENT_MARGIN = "insufficient_margin"
    INSUFFICIENT_CASH = "insufficient_cash"
    REJECTED_BY_BROKER = "rejected_by_broker"
    INVALID_ORDER = "invalid_order"
    ALREADY_IN_POSITION = "already_in_position"
    NOTHING_TO_CLOSE = "nothing_to_close"
    CANCELLED_BY_STRATEGY = "cancelled_by_strategy"
    CANCELLED_BY_BROKER = "cancelled_by_broker"
    CANCELLED_BY_OCO = "cancelled_by_oco"
    SUPERSEDED = "superseded"
    EXPIRED = "expired"
    END_OF_DATA = "end_of_data"
    OUT_OF_MONEY = "out_of_money"


class RunState(StrEnum):
    """What became of a run."""

    RUNNING = "running"
    ENDED = "ended"
    FAILED = "failed"
    RECOVERED = "crashed-recovered"
    QUARANTINED = "quarantined"


def _column(name: str) -> property:
    """Return a property that reads a column of an event."""

    def read(event: Event) -> Any:
        try:
            return event._values[name]
        except KeyError:
            return event._asked(name)

    return property(read)


class Event:
    """An immutable row of a table; its columns are attributes.

    A value that is gathered late is read from its source when it is first asked for.
    """

    __slots__ = ("_late", "_values")
    table: ClassVar[str]
    _values: Mapping[str, Any]
    _late: tuple[Callable[[], Mapping[str, Any]], ...]

    def __init_subclass__(cls) -> None:
        """Let the declared columns be read without the detour that absent attributes take."""
        for name in cls.__annotations__:
            setattr(cls, name, _column(name))

    def __init__(self, **values: Any) -> None:
        """Make an event of these values."""
        object.__setattr__(self, "_values", values)
        object.__setattr__(self, "_late", ())

    @classmethod
    def lazy(cls, values: dict[str, Any], *late: Callable[[], Mapping[str, Any]]) -> Self:
        """Make an event that owns `values`, and asks `late` in turn for what is not in them."""
        event = cls.__new__(cls)
        object.__setattr__(event, "_values", values)
        object.__setattr__(event, "_late", late)
        return event

    def _ask_next(self) -> Mapping[str, Any]:
        first, *rest = self._late
        values = {**first(), **self._values}
        object.__setattr__(self, "_values", values)
        object.__setattr__(self, "_late", tuple(rest))
        return values

    def _resolved(self) -> Mapping[str, Any]:
        while self._late:
            self._ask_next()
        return self._values

    def __getattr__(self, name: str) -> Any:
        try:
            return self._values[name]
        except KeyError:
            return self._asked(name)

    def _asked(self, name: str) -> Any:
        """Return a value that is gathered late, or that is not there."""
        if name.startswith("__"):
            raise AttributeError(name)
        values = self._values
        while name not in values and self._late:
            values = self._ask_next()
        if name in values:
            return values[name]
        if name in type(self).__annotations__:
            return None
        raise AttributeError(f"{type(self).__name__} has no {name!r}; it has {', '.join(values)}")

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{type(self).__name__} is immutable; {name!r} cannot be set")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__} is immutable; {name!r} cannot be deleted")

    def __iter__(self) -> Iterator[str]:
        return iter(self._resolved())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Event) or other.table != self.table:
            return False
        return other.to_dict() == self.to_dict()

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[Any, ...]:
        return (_remake, (type(self), self.to_dict()))

    def __repr__(self) -> str:
        shown = ", ".join(f"{k}={v!r}" for k, v in self._resolved().items() if v is not None)
        return f"{type(self).__name__}({shown})"

    def to_dict(self) -> dict[str, Any]:
        """Return every value by name."""
        return dict(self._resolved())


def _remake(cls: type[Event], values: dict[str, Any]) -> Event:
    return cls(**values)


class Bar(Event):
    """One bar of base data."""

    __slots__ = ()
    table = "bars"
    symbol: str | None
    timeframe: str | None
    bar_index: int | None
    timestamp: datetime | None
    available_time: datetime | None
    open: float | None
    high: float | None
    low: float | None
    close: float | None
    volume: float | None
    vwap: float | None
    bid: float | None
    ask: float | None


class CapturedSignal(Event):
    """One signal with the context in which it was given."""

    __slots__ = ()
    table = "signals"
    part: int
    seq: int
    signal_id: str
    strategy_id: str
    symbol: str
    timeframe: str | None
    bar_index: int | None
    timestamp: datetime
    available_time: datetime | None
    recorded_time: datetime
    direction: int
    strength: float | None
    signal_type: str
    position_before: float | None
    capital_available: float | None
    spread: float | None
    liquidity_score: float | None
    regime: str | None
    regime_confidence: float | None
    references: str | None
    schema_version: int
    processing_ns: int | None


class Order(Event):
    """One order intent: placed, cancelled or edited."""

    __slots__ = ()
    table = "orders"
    seq: int
    signal_id: str | None
    order_id: str | None
    action: str
    call: str | None
    side: int | None
    order_type: str | None
    size: float | None
    size_kind: str | None
    limit_price: float | None
    stop_price: float | None


class Fill(Event):
    """One fill of an order."""

    __slots__ = ()
    table = "fills"
    seq: int
    signal_id: str | None
    order_id: str | None
    fill_id: str | None
    symbol: str | None
    bar_index: int | None
    timestamp: datetime | None
    side: int
    size: float
    price: float
    commission: float | None
    slippage: float | None
    position_after: float | None


class RegimeChange(Event):
    """A classifier's change of mind."""

    __slots__ = ()
    table = "regimes"
    seq: int
    classifier: str
    symbol: str | None
    bar_index: int | None
    timestamp: datetime | None
    old: str | None
    new: str
    confidence: float | None


class StatusChange(Event):
    """A change of a signal's status, with who decided and why."""

    __slots__ = ()
    table = "statuses"
    seq: int
    signal_id: str | None
    order_id: str | None
    status: str
    reason: str | None
    actor: str | None
    detail: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalContext:
    """The context of a signal; everything but the time and the strategy may be left out."""

    timestamp: datetime | int
    strategy_id: str
    current_bar: Mapping[str, Any] | None = None
    best_bid: float | None = None
    best_ask: float | None = None
    liquidity_score: float | None = None
    indicators: Mapping[str, Any] | None = None
    indicator_metadata: Mapping[str, Any] | None = None
    portfolio_state: Mapping[str, Any] | None = None
    current_position: float | None = None
    available_capital: float | None = None
    risk_metrics: Mapping[str, Any] | None = None
    active_risk_limits: Mapping[str, Any] | None = None
    current_regime: str | None = None
    regime_confidence: float | None = None
    strategy_params: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class RunInfo:
    """What is known of a run, or of one part of it, when it starts."""

    run_id: str
    part: int
    host: str
    strategy: str
    store: str
    started_ns: int
    settings: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    kind: str = "capture"
    parent: str | None = None


@dataclass(frozen=True)
class FlushReport:
    """What one flush wrote."""

    rows: Mapping[str, int]
    seconds: float
    bytes: int


@dataclass(frozen=True)
class RunSummary:
    """How a part of a run ended."""

    state: RunState
    counts: Mapping[str, int]
    plugin_failures: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    problem: str | None = None


EVENTS: Final = {
    cls.table: cls for cls in (Bar, CapturedSignal, Order, Fill, RegimeChange, StatusChange)
}
"""The event class of each table that has one."""
