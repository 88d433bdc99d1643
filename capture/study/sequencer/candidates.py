"""What is tried: the signals of a strategy, under settings of a portfolio."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from capture.replaying.slices import WHOLE, strategies_of
from capture.store.records import digest_of, plain
from capture.study.portfolio.settings import PortfolioSettings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from capture.replaying.source import Source
    from capture.store.recording import Recording

__all__ = ["Candidate", "SignalsOf", "signals_in"]

_BUILT_IN: Final = "builtin"
"""The backtester whose own intents say more than direction and strength do."""


@dataclass(frozen=True, kw_only=True)
class SignalsOf:
    """The signals of one strategy of a recording, in words that any process understands.

    Attributes:
        store: where the recording is.
        run: its identity.
        strategy: which of its strategies; None of a recording that holds one.
        symbols: leave out signals of other symbols.
        start: leave out earlier signals; ISO 8601.
        end: leave out later ones.
        where: leave out signals that do not meet a condition.
        regime: only the signals of a regime.
        boundary: what becomes of positions where the regime ends.
        force: replay also what a strategy wanted that looked at its portfolio.
        params: the strategy's parameters, to tell trials apart.
        origin: what the signals are, whichever run recorded them: code, parameters and data.
    """

    store: str
    run: str
    strategy: str | None = None
    symbols: tuple[str, ...] | None = None
    start: str | None = None
    end: str | None = None
    where: str | None = None
    regime: Any = None
    boundary: str | None = None
    force: bool = False
    params: Mapping[str, Any] = field(default_factory=dict)
    origin: str = ""

    def arguments(self) -> dict[str, Any]:
        """Return what a worker needs to find them."""
        said = asdict(self)
        del said["params"], said["origin"]
        return said

    def recording(self) -> Recording:
        """Open the recording."""
        from capture.store.store import open_store

        return open_store(self.store)[self.run]

    def source(self) -> Source:
        """Open the recording, and return what is replayed of it.

        Raises:
            ClosedLoop: the strategy looked at its portfolio, and `force` is not set.
        """
        from capture.replaying.replay import replay

        recording = self.recording()
        asked = replay(
            recording,
            "intent" if recording.manifest["host"] == _BUILT_IN else "signal",
            strategy=self.strategy,
            symbols=self.symbols,
            start=_time(self.start),
            end=_time(self.end),
            where=self.where or (),
            regime=self.regime,
            boundary=self.boundary,  # type: ignore[arg-type]
        )
        found = asked.source(_BUILT_IN, force=self.force)
        found.check_settings({"portfolio": "settings of this replay"})
        return found

    @cached_property
    def filters(self) -> dict[str, Any]:
        """What is left out of them; empty if nothing is."""
        names = ("symbols", "start", "end", "where", "regime", "boundary")
        said = {name: getattr(self, name) for name in names}
        return {name: value for name, value in said.items() if value is not None}


def _time(said: str | None) -> datetime | None:
    return None if said is None else datetime.fromisoformat(said)


def signals_in(
    recording: Recording,
    *,
    strategies: Iterable[str] | None = None,
    **how: Any,
) -> list[SignalsOf]:
    """Return the signals of each strategy of a recording.

    Args:
        recording: the recording.
        strategies: which of its strategies; all by default.
        **how: what is left out of them, as `SignalsOf` has it.

    Raises:
        NotReplayable: it holds no strategy.
        UnknownName: it holds no such strategy.
    """
    from capture.replaying.slices import strategy_of

    known = strategies_of(recording)
    wanted = list(strategies) if strategies is not None else list(known)
    if strategies is None and (not known or (recording.start.get("flags") or {}).get("one_call")):
        wanted = [strategy_of(recording, None)]
    return [_signals_of(recording, strategy_of(recording, name), how) for name in wanted]


def _signals_of(recording: Recording, strategy: str, how: Mapping[str, Any]) -> SignalsOf:
    segment = next(
        (one for name, one in strategies_of(recording).items() if strategy in (name, WHOLE)), {}
    )
    params = dict(segment.get("params") or {})
    bases = [ref["fingerprint"] for part in recording.parts for ref in part.base]
    origin = {
        "strategy": recording.manifest["strategy"],
        "strategy_id": strategy,
        "params": params,
        "code": recording.manifest.get("code_sha256"),
        "data": sorted(set(bases)),
    }
    return SignalsOf(
        store=str(recording.store.url),
        run=recording.run_id,
        strategy=strategy,
        params=params,
        origin=digest_of(plain(origin)),
        **how,
    )


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One set of signals under one set of settings.

    Attributes:
        name: what a person calls it; one of its phase.
        signals: the signals.
        settings: the settings of the portfolio; those that it leaves out are the default.
        portfolio: name of the portfolio, where there are several.
    """

    name: str
    signals: SignalsOf
    settings: Mapping[str, Any]
    portfolio: str = ""

    def key(self, window: Any = None) -> str:
        """Return what makes it the same trial, in whichever phase or workflow it is tried."""
        said = {
            "origin": self.signals.origin,
            "filters": self.signals.filters,
            "settings": PortfolioSettings.from_mapping(self.settings).to_mapping(every=False),
            "window": window,
        }
        return digest_of(plain(said))[:24]
