"""The one line that users add: `wrap`; and `note`, which they may call inside a strategy."""

from __future__ import annotations

import os
import warnings
from typing import TYPE_CHECKING, Any

from capture.config import SignalCaptureConfig
from capture.errors import CaptureWarning, UnsupportedStrategy
from capture.host import get_host
from capture.host.functions import NO_STRATEGY, functions_of, takers
from capture.recorder.current import Note, current

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from capture.contracts.info import AdapterInfo

__all__ = ["default_store", "note", "wrap"]


def default_store() -> str:
    """Return the store that is used where none is named: `CAPTURE_STORE`, or `signals`."""
    return os.environ.get("CAPTURE_STORE") or "signals"


def wrap(strategy: Any = NO_STRATEGY, store: str | Path | None = None, **options: Any) -> Any:
    """Return what the strategy's backtester accepts in its place; running it records it.

    Nothing is written before the backtester runs. The results of the run do not change.

    Args:
        strategy: an unmodified strategy of a supported backtester.
        store: folder or URL of the store; by default `CAPTURE_STORE`, or `signals`.
        **options: any setting of `SignalCaptureConfig`; and the functions of a strategy, under the
            names by which a backtester without strategy classes takes them. Then what is returned
            is a mapping from these names: `run_algorithm(**capture.wrap(initialize=...), ...)`.

    Raises:
        UnsupportedStrategy: no adapter takes the object; the error names those there are.
        WrongFunctions: functions are not those that a backtester takes.
        ConfigError: an option does not exist, or has a value it cannot have.
    """
    adapters = get_host().adapters()
    info, functions = functions_of(adapters, strategy, options)
    if info is None:
        info = next((one for one in adapters.values() if one.accepts(strategy)), None)
    if info is None:
        raise _unsupported(strategy, adapters)
    own = {name: value for name, value in options.items() if name not in functions}
    config = SignalCaptureConfig.from_options(
        default_store() if store is None else store, own, invalid="quarantine"
    )
    return info.get().wrap(functions or strategy, config)


def _unsupported(strategy: Any, adapters: Mapping[str, AdapterInfo]) -> UnsupportedStrategy:
    wrapped = {name: info for name, info in adapters.items() if not info.listens}
    missing = [info.extra or info.name for info in wrapped.values() if info.missing()]
    heard = adapters.keys() - wrapped.keys()
    class_of = next((name for name, info in wrapped.items() if info.accepts(type(strategy))), None)
    return UnsupportedStrategy(strategy, wrapped, missing, heard, takers(adapters), class_of)


def note(
    name: str,
    value: Any = None,
    *,
    signal: Any = None,
    direction: int | None = None,
    reason: str | None = None,
) -> None:
    """Keep a named value, or a reason, from inside a strategy that is being recorded.

    Outside of a recording nothing happens, so that a strategy runs unchanged without capture.

    Args:
        name: name of the value, or of the filter that refused a signal.
        value: the value; anything that JSON can say.
        signal: the order it belongs to; by default it belongs to the bar.
        direction: with a reason: a signal of this direction would have been given, and the
            strategy's own filter refused it. It is recorded as such a signal.
        reason: why the strategy refused to act.
    """
    recorder = current()
    if recorder is None:
        return
    try:
        recorder.note(Note(name, value, signal, direction, reason))
    except Exception as exc:
        warnings.warn(f"the note {name!r} was not kept: {exc}", CaptureWarning, stacklevel=2)
