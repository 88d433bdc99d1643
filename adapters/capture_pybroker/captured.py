"""An execution function that is recorded: what the host runs in its place."""

from __future__ import annotations

import functools
import sys
from typing import TYPE_CHECKING, Any

from capture.errors import ConfigError
from capture.events import RunState
from capture.recorder.engine import SignalCaptureEngine
from capture.recorder.grids import set_name
from capture_pybroker.facts import config_settings, host_settings, name_of, parameters, shown
from capture_pybroker.grid import run_to_join, trial_of
from capture_pybroker.hearing import CAPTURE
from capture_pybroker.opening import start_of
from capture_pybroker.perturbing import perturb
from capture_pybroker.session import Session
from capture_pybroker.window import window_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from capture.config import SignalCaptureConfig
    from capture.store.run import RunStart
    from capture_pybroker.window import Window

__all__ = ["Captured"]


class Captured:
    """Calls an execution function, and lets its run be recorded.

    Attributes:
        function: the user's.
        config: how it is recorded.
        run_id: the run of an optimiser that it was sent to this process for.
    """

    def __init__(self, function: Callable[..., None], config: SignalCaptureConfig) -> None:
        """Keep both; nothing is written before a run begins."""
        functools.update_wrapper(self, function)
        self.function = function
        self.config = config
        self.run_id: str | None = None

    def __call__(self, ctx: Any, *args: Any, **kwargs: Any) -> Any:
        """Let the window be heard that begins, and run the execution for the first time.

        On all later bars of the window, the host calls what `caller` made of it.
        """
        call = _begin(ctx) or self.function
        return call(ctx, *args, **kwargs)

    def __getstate__(self) -> dict[str, Any]:
        """Go to another process; where an optimiser sends it, its run goes along."""
        start = functools.partial(_grid_start, self)
        return {**self.__dict__, "run_id": run_to_join(self.config, start)}

    def __repr__(self) -> str:
        return f"Captured({self.function!r}, {str(self.config.storage_path)!r})"


def _begin(ctx: Any) -> Callable[..., Any] | None:
    """Hear the window that begins; None where no backtest runs the function."""
    window = window_of(ctx, sys._getframe(2))
    if window is None:
        return None
    every = sorted(window.host["executions"], key=lambda execution: execution.id)
    captured = [execution for execution in every if isinstance(execution.fn, Captured)]
    session = ctx._portfolio.__dict__.get(CAPTURE)
    if session is None:
        session = _session(window, captured, ctx)
    session.open(window, captured)
    call: Callable[..., Any] = window.host["exec_fns"][ctx.symbol]
    return call


def _session(window: Window, captured: Sequence[Any], ctx: Any) -> Session:
    config = _config(captured)
    calls = [execution.fn.function for execution in captured]
    for call in calls:
        if hasattr(call, "replay_source"):
            call.check(window, ctx)  # before anything is written
    names = _names(captured)
    replays = getattr(calls[0], "replay_source", None) is not None
    changed = {} if replays else perturb(ctx._portfolio)
    said: dict[str, Any] = {
        "settings": {**host_settings(window.strategy, window.host, window.call), **changed},
        "flags": {"one_call": True} if len(names) > 1 else {},
    }
    if not replays:
        every = {
            names[e.id]: parameters(e, e.fn.function, _context(window, e) or ctx) for e in captured
        }
        params = next(iter(every.values())) if len(every) == 1 else _joined(every)
        said |= {"strategy": "+".join(names.values()), "params": params}
    start = start_of(calls, config=config, **said)
    grid_start = functools.partial(_grid_start, captured[0].fn)
    trial = trial_of(sys._getframe(1), captured[0].fn.run_id, config, grid_start)
    if trial is None:
        engine = SignalCaptureEngine(config, run=start)
        return Session(config, engine, ctx._portfolio, names, _nothing, guards=False)
    tried = dict(sorted(ctx._run_hyperparams.items()))
    names = {number: set_name(name, tried) if tried else name for number, name in names.items()}
    engine = trial.begin(config, start)
    return Session(config, engine, ctx._portfolio, names, trial.over, guards=True)


def _grid_start(captured: Captured, call: Mapping[str, Any]) -> RunStart:
    """Return the start record of a call of the optimiser."""
    strategy = call["self"]
    score = call.get("score_fn")
    return start_of(
        [captured.function],
        config=captured.config,
        strategy=name_of(captured.function),
        params={name: shown(list(each)) for name, each in strategy._collect_hyperparams().items()},
        settings=config_settings(strategy._config),
        flags={"optimizer": {"method": shown(call.get("sampler")), "maximize": shown(score)}},
    )


def _nothing(_state: RunState) -> None:
    """Do nothing: the run has ended with its only part."""


def _config(captured: Sequence[Any]) -> SignalCaptureConfig:
    """Return how all captured executions of a strategy are recorded."""
    first: SignalCaptureConfig = captured[0].fn.config
    for other in captured[1:]:
        if other.fn.config != first:
            raise ConfigError(
                "store",
                str(other.fn.config.storage_path),
                f"the executions of a strategy are one run: wrap {name_of(other.fn.function)} and "
                f"{name_of(captured[0].fn.function)} for one store, with the same options",
            )
    return first


def _names(captured: Sequence[Any]) -> dict[Any, str]:
    """Return the strategy id of each execution: its function's name, numbered if it is taken."""
    names: dict[Any, str] = {}
    for execution in captured:
        wanted = name_of(execution.fn.function)
        number, free = 1, wanted
        while free in names.values():
            number += 1
            free = f"{wanted}_{number}"
        names[execution.id] = free
    return names


def _context(window: Window, execution: Any) -> Any:
    """Return a context of an execution, which knows its hyperparameters."""
    symbols = () if callable(execution.symbols) else execution.symbols
    found = (window.host["exec_ctxs"].get(symbol) for symbol in sorted(symbols))
    return next(filter(None, found), None)


def _joined(every: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return {
        f"{strategy}.{name}": value
        for strategy, own in every.items()
        for name, value in own.items()
    }
