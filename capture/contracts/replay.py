"""What an adapter gets when a recording is replayed in its host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from capture.config import SignalCaptureConfig

__all__ = ["IntentLike", "ReplayMode", "ReplaySource", "Target"]

ReplayMode = Literal["intent", "target", "signal"]


class IntentLike(Protocol):
    """One recorded call of the strategy; the attributes are columns of the `orders` table."""

    seq: int
    strategy_id: str | None
    signal_seq: int | None
    bar_index: int | None
    callback: int | None
    phase: str | None
    action: str
    call: str | None
    arguments: str | None
    side: int | None
    order_type: str | None
    size: float | None
    size_kind: str | None
    limit_price: float | None
    stop_price: float | None
    trail: float | None
    stop_loss: float | None
    take_profit: float | None
    valid: str | None
    order_id: str | None
    parent_id: str | None
    oco_id: str | None
    tag: str | None
    symbol: str | None


class Target(Protocol):
    """What the calls of one callback come to: the position that is wanted after them."""

    signal_seq: int | None
    bar_index: int | None
    callback: int | None
    symbol: str | None
    direction: int
    size: float | None
    size_kind: str | None


class ReplaySource(Protocol):
    """A recording, ready to be replayed: filtered, and with what must be checked.

    Attributes:
        run_id: the recorded run.
        host: backtester that it was recorded in.
        mode: how it is replayed.
        strategy: name of the strategy.
        strategy_id: the strategy whose intents these are, of those in the recording.
        params: its parameters.
        settings: the host's settings at the time.
        flags: what the recorder noted of the run, such as its first bar.
        config: how the replay is recorded, or None.
        forced: whether the user insists on a replay that may differ.
    """

    run_id: str
    host: str
    mode: ReplayMode
    strategy: str
    strategy_id: str
    params: Mapping[str, Any]
    settings: Mapping[str, Any]
    flags: Mapping[str, Any]
    config: SignalCaptureConfig | None
    forced: bool

    @property
    def intents(self) -> Sequence[IntentLike]:
        """The recorded calls, in order."""
        ...

    @property
    def targets(self) -> Sequence[Target]:
        """The recorded calls, collapsed to wanted positions, for the modes that want those."""
        ...

    @property
    def narrowed(self) -> bool:
        """Whether the intents are others than were recorded, because of conditions or regimes."""
        ...

    def stored(self, table: str, columns: Sequence[str]) -> pa.Table:
        """Return rows of the replayed part as they were stored, whatever is left out."""
        ...

    def bars(self) -> Mapping[str, pa.Table]:
        """Return the bars that the part was recorded on, by symbol."""
        ...

    def series(self) -> Mapping[tuple[str, str], pa.Table]:
        """Return the same by symbol and timeframe, where a strategy saw several of a symbol."""
        ...

    @property
    def refused(self) -> frozenset[int]:
        """Signals whose order the host refused with an error, by sequence number."""
        ...

    @property
    def openers(self) -> Mapping[int, int]:
        """By the number of a recorded trade, the sequence number of the order that opened it."""
        ...

    def check_settings(self, settings: Mapping[str, Any]) -> None:
        """Raise ClosedLoop if settings differ and the strategy looked at its portfolio."""
        ...

    def check_bars(
        self, bars: pa.Table, *, symbol: str | None = None, timeframe: str | None = None
    ) -> None:
        """Raise DataMismatch if these are not the bars that the run was recorded on.

        Args:
            bars: the bars of this run.
            symbol: what the recording calls them; by default its first bars.
            timeframe: length of a bar, where the run read several of one symbol.
        """
        ...

    def reached(self, signal_seq: int, bar: int, position: float) -> None:
        """Compare the position held when a signal is replayed with the one that was captured."""
        ...

    def start(self, **said: Any) -> Any:
        """Return the start record of the recorded replay."""
        ...

    def source_id(self, signal_seq: int | None) -> str | None:
        """Return the identity of the recorded signal with this sequence number."""
        ...
