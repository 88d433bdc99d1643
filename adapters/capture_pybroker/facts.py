"""What is read from a run of pybroker once: bars, indicators, parameters, settings."""

from __future__ import annotations

import dataclasses
import inspect
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
from pybroker.scope import StaticScope

from capture.recorder.facts import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from capture.timeline import Timeline

__all__ = [
    "base_table",
    "config_settings",
    "host_settings",
    "indicator_facts",
    "name_of",
    "parameters",
    "shown",
]

_OF_RESULTS: Final = frozenset(
    {
        "bootstrap_samples",
        "record_portfolio_bars",
        "record_position_bars",
        "return_signals",
        "return_stops",
        "round_test_result",
    }
)
"""Settings that change what is reported, and no fill."""

_OF_CALL: Final = ("windows", "lookahead", "train_size", "shuffle", "warmup", "timeframe")


def name_of(call: Callable[..., Any]) -> str:
    """Return the name of an execution."""
    source = getattr(call, "replay_source", None)
    if source is not None:
        return str(source.strategy)
    inner = call
    while hasattr(inner, "func"):  # of a partial
        inner = inner.func
    name = getattr(inner, "__name__", None)
    return name if isinstance(name, str) else type(inner).__name__


def shown(value: Any) -> Any:
    """Return a value as it is if it is small, and what it is otherwise."""
    if isinstance(value, (np.ndarray, pd.Series, pd.DataFrame)):
        return f"{type(value).__name__}{list(value.shape)}"
    named = getattr(value, "__qualname__", None)
    if isinstance(named, str):
        return f"{value.__module__}.{named}"
    said = plain(value)
    if isinstance(said, str) and " at 0x" in said and not isinstance(value, str):
        return type(value).__qualname__  # an address is another one in each run
    return said


# --- parameters ----------------------------------------------------------------------------------


def parameters(execution: Any, call: Callable[..., Any], ctx: Any) -> dict[str, Any]:
    """Return what an execution is given beside its context, by name.

    The defaults of the function, what `add_execution` or a partial adds to them, its
    hyperparameters, and the host's global parameters.
    """
    try:
        signature = inspect.signature(call)
        bound = signature.bind_partial(ctx, *execution.args, **dict(execution.kwargs))
        bound.apply_defaults()
        own = dict(list(bound.arguments.items())[1:])
    except (TypeError, ValueError):
        own = dict(execution.kwargs)
    for name, parameter in inspect.signature(call).parameters.items():
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            own.update(own.pop(name, {}))
        elif parameter.kind is inspect.Parameter.VAR_POSITIONAL and not own.get(name):
            own.pop(name, None)
    common = getattr(StaticScope.instance(), "_params", {})
    tried = {name: ctx._run_hyperparams.get(name) for name in sorted(execution.hyperparam_names)}
    every = {**{str(name): value for name, value in common.items()}, **own, **tried}
    return {name: shown(value) for name, value in every.items()}


# --- settings ------------------------------------------------------------------------------------


def host_settings(
    strategy: Any, host: Mapping[str, Any], call: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the settings that decide which bars are traded, and what is filled.

    Args:
        strategy: the host's strategy.
        host: variables of its loop over the bars.
        call: variables of what the user called.
    """
    settings = host["backtest_settings"]
    said = config_settings(host["config"])
    said |= {field.name: getattr(settings, field.name) for field in dataclasses.fields(settings)}
    said |= {name: call[name] for name in _OF_CALL if name in call}
    said["warmup"] = host["warmup"]
    said["slippage_model"] = _described(host["slippage_model"])
    said["rotation_sizer"] = host["rotation_sizer"]
    said["enable_fractional_shares"] = host["enable_fractional_shares"]
    said["start_date"], said["end_date"] = _ends(strategy, call)
    return {name: shown(value) for name, value in said.items()}


def config_settings(config: Any) -> dict[str, Any]:
    """Return the settings of the host's own configuration that decide what is filled."""
    return {
        field.name: shown(getattr(config, field.name))
        for field in dataclasses.fields(config)
        if field.name not in _OF_RESULTS
    }


def _described(model: Any) -> Any:
    if model is None:
        return None
    own = {name.lstrip("_"): shown(value) for name, value in vars(model).items()}
    facts = ", ".join(f"{name}={value}" for name, value in sorted(own.items()))
    return f"{type(model).__name__}({facts})"


def _ends(strategy: Any, call: Mapping[str, Any]) -> tuple[str, str]:
    start = call.get("start_dt") or strategy._start_date
    end = call.get("end_dt") or strategy._end_date
    return str(start), str(end)


# --- bars and indicators -------------------------------------------------------------------------


def base_table(columns: Mapping[str, NDArray[Any]], timeline: Timeline) -> pa.Table:
    """Return the bars of a symbol as base data: times, prices, and what other columns it has."""
    assert timeline.labels_ns is not None
    every = np.arange(len(timeline.labels_ns))
    table = {"timestamp": timeline.labels(every), "available_time": timeline.closes(every)}
    usual = ("open", "high", "low", "close", "volume", "vwap")
    names = [n for n in usual if n in columns]
    names += sorted(n for n in columns if n not in (*usual, "date", "symbol"))
    for name in names:
        column = np.asarray(columns[name])
        if column.dtype.kind in "fiub":
            table[name] = pa.array(column)
        else:
            texts = [None if v is None or v != v else str(v) for v in column]
            table[name] = pa.array(texts, pa.string())
    return pa.table(table)


def indicator_facts(name: str, hyperparams: Mapping[str, Any]) -> dict[str, Any]:
    """Return how an indicator is made: its function and parameters."""
    scope = StaticScope.instance()
    if not scope.has_indicator(name):
        return {}
    made = scope.get_indicator(name)
    params = {}
    for key, value in made._kwargs.items():
        tried = str(getattr(value, "name", ""))
        params[key] = shown(hyperparams.get(tried, value))
    function = made._fn
    return {
        "function": getattr(function, "__qualname__", type(function).__name__),
        "module": getattr(function, "__module__", None),
        "params": params,
    }
