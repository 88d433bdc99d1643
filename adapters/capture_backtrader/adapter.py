"""From a strategy class to one that backtrader runs in its place and that is recorded."""

from __future__ import annotations

import copyreg
from typing import TYPE_CHECKING, Any

from capture.recorder.adapting import likeness
from capture_backtrader.drivers import drivers_for
from capture_backtrader.grid import run_to_join, sent
from capture_backtrader.hearing import hearing_for
from capture_backtrader.opening import start_of
from capture_backtrader.perturbing import PERTURBATIONS

if TYPE_CHECKING:
    from backtrader import Strategy

    from capture.config import SignalCaptureConfig
    from capture.contracts.replay import ReplaySource

__all__ = ["BacktraderAdapter"]


class BacktraderAdapter:
    """Records runs of backtrader, and replays them."""

    host = "backtrader"
    perturbations = PERTURBATIONS
    truncates = True

    def wrap(self, strategy: type[Strategy], config: SignalCaptureConfig) -> type[Strategy]:
        """Return a subclass of the strategy, with its name, whose runs are recorded."""
        return _captured(strategy, config)

    def replay(self, source: ReplaySource, size: float | None = None) -> type[Strategy]:
        """Return a strategy that makes the recorded calls, and computes nothing.

        Args:
            source: the recording.
            size: in the modes "target" and "signal": size of an order that has none recorded.
        """
        from capture_backtrader.replaying import replayed

        strategy = replayed(source, size)
        return strategy if source.config is None else _captured(strategy, source.config)


class _Captured(type):
    """The class of captured strategies: they are pickled by what they were made of."""

    _made_of: tuple[Any, Any]


def _captured(
    strategy: type[Strategy], config: SignalCaptureConfig, run_id: str | None = None
) -> type[Strategy]:
    if "_made_of" in vars(strategy):  # captured already: once is enough
        strategy = strategy._made_of[0]
    own = type(strategy)
    meta = own if issubclass(own, _Captured) else type("_Captured", (_Captured, own), {})
    copyreg.pickle(meta, _reduce)
    names = {
        **likeness(strategy),
        "_made_of": (strategy, config),
        **drivers_for(strategy, config),
    }
    # The host's metaclass would note the class down in modules of its own.
    captured: type[Strategy] = type.__new__(
        meta, strategy.__name__, (strategy, hearing_for(strategy)), names
    )
    if run_id is not None:
        sent(captured, run_id)
    return captured


def _reduce(captured: _Captured) -> str | tuple[Any, ...]:
    made_of = vars(captured).get("_made_of")
    # A class that the user derived from a captured one is found by its name, like any other.
    if made_of is None:
        return captured.__qualname__
    strategy, config = made_of
    run_id = run_to_join(captured, config, start_of(strategy, config))
    return _captured, (strategy, config, run_id)
