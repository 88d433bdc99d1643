"""What a worker does: signals into portfolios, quick where that is exact, event by event elsewhere.

Everything here is called with plain data by whichever process. What signals and bars come to before
settings matter is prepared once and kept for the next call.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from capture.errors import NotReplayable
from capture.host import get_host
from capture.study.portfolio.market import DAY_NS, market_of
from capture.study.portfolio.replay import evaluate as evaluate_settings
from capture.study.portfolio.settings import PortfolioSettings
from capture.study.portfolio.signals import signals_of
from capture.study.portfolio.sparse import SparseReplay, needs_events
from capture.study.sequencer.by_events import traded_by_events
from capture.study.sequencer.candidates import SignalsOf
from capture.study.sequencer.kept import kept_of, metrics_of
from capture.study.sequencer.windowed import windowed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date

    from capture.replaying.source import Source

    Window = tuple[int, int] | None

__all__ = ["evaluate", "prepared", "refuse_unfit", "source_of", "span_of"]

_KEPT: Final = 8
"""How many prepared replays a process keeps: those of a few strategies or windows."""


def evaluate(
    signals: Mapping[str, Any],
    settings: Mapping[str, Any],
    window: Sequence[int] | None = None,
    objectives: Sequence[str] = (),
    event_driven: bool = False,
    keep: Sequence[str] = (),
) -> dict[str, Any]:
    """Return what one portfolio comes to.

    Args:
        signals: arguments of `SignalsOf`.
        settings: settings of the portfolio that are not the default.
        window: first moment and moment after the last, in nanoseconds; None for all data.
        objectives: what is computed.
        event_driven: let every event happen, also where the quick way is exact.
        keep: what is returned beside metrics: trades, events.

    Returns:
        metrics by name; the days on which there was something to earn and the return of each; and
        what is to be kept.
    """
    asked = {
        "signals": signals,
        "settings": settings,
        "window": window,
        "objectives": objectives,
        "event_driven": event_driven,
        "keep": keep,
    }
    return _together([asked])[0]


def _together(asked: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return what many portfolios come to: those over the same signals at once."""
    found: list[dict[str, Any]] = [{} for _ in asked]
    groups: dict[str, list[int]] = {}
    for place, one in enumerate(asked):
        rest = {name: value for name, value in one.items() if name != "settings"}
        groups.setdefault(repr(rest), []).append(place)
    for places in groups.values():
        settings = [PortfolioSettings.from_mapping(asked[place]["settings"]) for place in places]
        values = _of_signals(asked[places[0]], settings)
        for place, value in zip(places, values, strict=True):
            found[place] = value
    return found


evaluate.together = _together  # type: ignore[attr-defined]


def _of_signals(
    asked: Mapping[str, Any], settings: Sequence[PortfolioSettings]
) -> list[dict[str, Any]]:
    window = None if asked["window"] is None else (asked["window"][0], asked["window"][1])
    signals = _frozen(asked["signals"])
    reasons = [None if asked["event_driven"] else ", ".join(needs_events(one)) for one in settings]
    values: list[dict[str, Any]] = [{} for _ in settings]
    quick = [place for place, why in enumerate(reasons) if why == ""]
    if quick:
        replay = prepared(signals, window)
        some = [settings[place] for place in quick]
        for place, value in zip(quick, _by_signals(replay, some, asked), strict=True):
            values[place] = value
    for place, why in enumerate(reasons):
        if why != "":
            traded = traded_by_events(source_of(signals), settings[place], window)
            values[place] = traded.value(asked["objectives"], asked["keep"], because=why)
    return values


def _by_signals(
    replay: SparseReplay, settings: Sequence[PortfolioSettings], asked: Mapping[str, Any]
) -> list[dict[str, Any]]:
    measures = [get_host().objective(name) for name in asked["objectives"]]
    found = evaluate_settings({replay.run_id: replay}, settings, measures)
    days = _days(replay)
    values = []
    for row in range(len(settings)):
        metrics = {name: float(column[row]) for name, column in found.objectives.items()}
        value: dict[str, Any] = {
            "metrics": metrics | metrics_of(found.performance, found.verdicts[row], row),
            "days": days,
            "returns": None if days is None else found.performance.returns[row].tolist(),
        }
        if asked["keep"]:
            account = found.account(row)
            value |= kept_of(account.trades(), account.fills(), asked["keep"])
        values.append(value)
    return values


def _days(replay: SparseReplay) -> list[date] | None:
    times = replay.market.times_ns
    if times is None:
        return None
    days = (times[replay.market.day_ends] - 1) // DAY_NS
    found: list[date] = days.astype("datetime64[D]").tolist()
    return found


# --- what is prepared once ------------------------------------------------------------------------


def _frozen(said: Mapping[str, Any]) -> SignalsOf:
    """Return signals that can be the key of what is kept."""
    lists: dict[str, Any] = {
        name: tuple(value) for name, value in said.items() if isinstance(value, list)
    }
    if isinstance(said.get("regime"), Mapping):
        lists["regime"] = _Unchanging(said["regime"])
    return SignalsOf(**{**said, **lists, "params": _Unchanging()})


class _Unchanging(dict[str, Any]):
    """A mapping that nobody changes."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(repr(sorted(self.items())))


@lru_cache(maxsize=_KEPT)
def source_of(signals: SignalsOf) -> Source:
    """Open a recording, and return what is replayed of it."""
    return signals.source()


@lru_cache(maxsize=_KEPT)
def _whole(signals: SignalsOf) -> SparseReplay:
    source = source_of(signals)
    told, timeframes = signals_of(source)
    market = market_of(source.recording, source.base, timeframes)
    return SparseReplay(market, told, run_id=source.run_id)


@lru_cache(maxsize=_KEPT)
def prepared(signals: SignalsOf, window: Window = None) -> SparseReplay:
    """Return the signals of a recording and its bars, ready for any number of portfolios."""
    whole = _whole(signals)
    if window is None:
        return whole
    market, told = windowed(whole.market, whole.signals, *window, whole.run_id)
    return SparseReplay(market, told, run_id=whole.run_id)


def refuse_unfit(several: Iterable[SignalsOf]) -> None:
    """Raise what is wrong with recordings and filters now, and not once for every trial.

    Raises:
        ClosedLoop: the strategy looked at its portfolio, and is not forced.
        NotReplayable: a recording lacks what a replay needs.
        UnknownName: a filter names what is not there.
    """
    first = {(one.store, one.run, repr(one.filters)): one for one in reversed(list(several))}
    for one in first.values():
        source_of(_frozen(one.arguments()))


def span_of(signals: SignalsOf) -> tuple[int, int]:
    """Return the first and the last moment at which a bar became known, in nanoseconds.

    Raises:
        NotReplayable: the bars have no times.
    """
    replay = _whole(_frozen(signals.arguments()))
    times = replay.market.times_ns
    if times is None or not len(times):
        raise NotReplayable(replay.run_id, "its bars have no times", "record it on dated bars")
    return int(times[0]), int(times[-1])
