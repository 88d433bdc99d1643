"""A recording on its way back: a strategy that does what was recorded, and computes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nautilus_trader.config import StrategyConfig
from nautilus_trader.model.events import OrderFilled
from nautilus_trader.model.identifiers import InstrumentId
from nautilus_trader.trading.strategy import Strategy

from capture.errors import DataMismatch, NotReplayable
from capture_nautilus.driving import CALLBACKS, TOLD, phase_of
from capture_nautilus.facts import host_settings
from capture_nautilus.holdings import Holdings
from capture_nautilus.market import Market, Series, engine_of
from capture_nautilus.replay_script import Intents
from capture_nautilus.replay_targets import Targets

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from capture.contracts.replay import ReplaySource

__all__ = ["replayed"]


def replayed(source: ReplaySource, size: float | None = None) -> tuple[type[Any], Any]:
    """Return a strategy class that makes the recorded calls, and its configuration.

    Args:
        source: the recording.
        size: in the modes "target" and "signal", the units of every order that has none recorded.
    """
    facts = _facts(source)
    if source.mode == "intent":
        _refuse_unkept(source, facts)
    elif size is None and any(t.direction and t.size is None for t in source.targets):
        raise NotReplayable(
            source.run_id,
            "its orders have no size of their own",
            'name one: .into("nautilus", size=...)',
        )
    names: dict[str, Any] = {
        "__module__": __name__,
        "__doc__": f"Replays {source.run_id}.",
        "replay_source": source,
        "source_ids": _Repeated(source),
        "_size": size,
    }
    recorded = facts.get("callbacks", ()) if source.mode == "intent" else ()
    for name in {*recorded, "on_bar"} - {"on_start", "on_reset", "on_dispose"}:
        if name in CALLBACKS:
            names[name] = _told(name) if name in TOLD else _plain(name)
    names.setdefault("on_stop", lambda _: None)  # the host's own says in its log that it is missing
    # Its name is in the names of its orders.
    config = facts.get("config", {})
    name = source.strategy_id.removesuffix(f"-{config['order_id_tag']}") if config else ""
    made = type(name or source.strategy, (_Replaying, Strategy), names)
    return made, _config(config)


def _facts(source: ReplaySource) -> Mapping[str, Any]:
    """Return what was recorded of the strategy beside its orders."""
    facts: Mapping[str, Any] = source.flags.get("strategies", {}).get(source.strategy_id, {})
    return facts if source.host == "nautilus" else {}


def _refuse_unkept(source: ReplaySource, facts: Mapping[str, Any]) -> None:
    """Refuse a run of which something is lost that decided what happened."""
    lost = source.flags.get("not_captured", ())
    if not facts:  # it was killed before it could say
        lost = ("what the strategy subscribed to",)
    if lost:
        raise NotReplayable(
            source.run_id,
            f"{', '.join(lost)} could not be recorded",
            'replay what it wanted instead: capture.replay(recording, mode="target")',
        )


def _config(said: Mapping[str, Any]) -> StrategyConfig:
    """Return a configuration by which the host treats orders as it did then."""
    kept = dict(said)
    claims = kept.pop("external_order_claims", None)
    if claims is not None:
        kept["external_order_claims"] = [InstrumentId.from_str(claim) for claim in claims]
    return StrategyConfig(**kept)


def _plain(name: str) -> Callable[..., None]:
    def callback(self: Any, *args: Any) -> None:
        self._script.play(name, args[0] if args else None)

    callback.__name__ = name
    return callback


def _told(name: str) -> Callable[..., None]:
    def callback(self: Any, event: Any) -> None:
        self._script.play(phase_of(name, event))

    callback.__name__ = name
    return callback


class _Repeated:
    """Says which recorded signal each signal of a recorded replay repeats."""

    def __init__(self, source: ReplaySource) -> None:
        self._source = source
        self._signals: dict[int, int] = {}

    def begin(self) -> None:
        """Forget what an earlier run repeated."""
        self._signals.clear()

    def expect(self, coming: int, signal_seq: int) -> None:
        """Note what the next signal repeats."""
        self._signals[coming] = signal_seq

    def __call__(self, seqs: Any) -> list[str | None]:
        """Return the identities of the repeated signals."""
        return [self._source.source_id(self._signals.get(seq)) for seq in seqs.tolist()]


class _Replaying:
    """What every replay has above the host's own strategy."""

    replay_source: ReplaySource
    source_ids: _Repeated
    _size: float | None

    def __init__(self, config: Any = None) -> None:
        super().__init__(config)  # type: ignore[call-arg]
        self._checked = False
        self._script: Any = None
        self.holdings = Holdings()

    # --- before the first bar ----------------------------------------------------------------

    def check_replay(self) -> None:
        """Refuse other data, and other settings where the strategy looked at its portfolio."""
        engine = engine_of(self.msgbus)  # type: ignore[attr-defined]
        self.market = Market(engine)
        self.series = self._named()
        for (symbol, timeframe), series in self.series.items():
            self.replay_source.check_bars(series.table(), symbol=symbol, timeframe=timeframe)
        self.replay_source.check_settings(host_settings(engine))
        self._checked = True

    def _named(self) -> dict[tuple[str, str], Series]:
        """Return the bars of this run by the names that they have in the recording."""
        source, found = self.replay_source, {}
        types = {(s, t): kind for s, t, kind in source.flags.get("series", ())}
        for symbol, timeframe in source.series():
            kind = types.get((symbol, timeframe))
            series = self.market.named(symbol) if kind is None else self.market.of_type(kind)
            if series is None:
                raise DataMismatch(source.run_id, f"there are no bars of {kind or symbol}")
            found[symbol, timeframe] = series
        return found

    def on_start(self) -> None:
        if not self._checked:
            self.check_replay()
        self._checked = False
        self.holdings = Holdings()
        self.source_ids.begin()
        source = self.replay_source
        if source.mode == "intent":
            self._script = Intents(source, self, _facts(source).get("setup", ()))
            self._script.play("on_start")
        else:
            self._script = Targets(source, self, self._size)
            self._script.begin()

    def on_reset(self) -> None:
        self._script = None

    on_dispose = on_reset

    # --- in between --------------------------------------------------------------------------

    def handle_event(self, event: Any) -> None:
        if type(event) is OrderFilled:
            self.holdings.fill(event)
        super().handle_event(event)  # type: ignore[misc]

    def ring(self, event: Any) -> None:
        """Do what was done when a timer rang."""
        self._script.play(phase_of("", event))

    def reach(self, signal_seq: int | None, bar: int | None, instrument_id: Any) -> None:
        """Compare the position with the one that was captured, and say what is repeated."""
        if signal_seq is not None:
            held = self.holdings.of(instrument_id)
            self.replay_source.reached(signal_seq, bar or 0, held)
            self.repeat(signal_seq)

    def repeat(self, signal_seq: int | None) -> None:
        """Say which recorded signal the next one repeats."""
        ear = self.__dict__.get("_capture")
        if ear is not None and signal_seq is not None:
            self.source_ids.expect(ear.session.engine.next_seq, signal_seq)

    @property
    def real_cache(self) -> Any:
        """The host's cache, also where something stands in for it."""
        return Strategy.cache.__get__(self)

    @property
    def real_portfolio(self) -> Any:
        """The host's portfolio, also where something stands in for it."""
        return Strategy.portfolio.__get__(self)
