"""What is read from a backtest once per run: bars, parameters, settings, what cannot be kept."""

from __future__ import annotations

import hashlib
import inspect
from importlib.metadata import version as _version
from typing import TYPE_CHECKING, Any, Final

import bt
import numpy as np
import pandas as pd
import pyarrow as pa
from bt.core import CostModel, SecurityBase, StrategyBase

from capture.recorder.adapting import source_of
from capture_bt.classes import original
from capture_bt.costs import costs_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from capture.timeline import Timeline

__all__ = [
    "ADDED",
    "algos_of",
    "base_table",
    "code_of",
    "host_settings",
    "parameters",
    "strategies_of",
    "uncaptured",
    "version",
]

ADDED: Final = "strategies that were added while it ran"
"""What is lost of a strategy that makes others when it needs them."""

_PLAIN: Final = (bool, int, float, str, type(None))
_ACCOUNTING: Final = ("update", "adjust", "setup", "flatten")
"""What decides how trades are booked; a replay books as the host does."""


def version() -> str:
    """Return the host's version."""
    return _version("bt")


def strategies_of(root: Any) -> Iterator[Any]:
    """Yield a strategy and all that are nested in it."""
    yield root
    for child in root._childrenv:
        if isinstance(child, StrategyBase):
            yield from strategies_of(child)


def algos_of(strategy: Any) -> Iterator[tuple[str, Any]]:
    """Yield every algo of a strategy with a name of its own, those within others as well."""
    taken: dict[str, int] = {}
    waiting = list(getattr(getattr(strategy, "stack", None), "algos", ()))
    seen: set[int] = set()
    while waiting:
        algo = waiting.pop(0)
        if id(algo) in seen:
            continue
        seen.add(id(algo))
        name = _name(algo)
        taken[name] = taken.get(name, 0) + 1
        yield (name if taken[name] == 1 else f"{name}_{taken[name]}"), algo
        for value in vars(algo).values() if hasattr(algo, "__dict__") else ():
            within = value if isinstance(value, (list, tuple)) else (value,)
            waiting += [one for one in within if isinstance(one, bt.core.Algo)]


def _name(algo: Any) -> str:
    if isinstance(algo, bt.core.Algo):
        return type(algo).__name__
    return getattr(algo, "__name__", type(algo).__name__)


def parameters(root: Any) -> dict[str, Any]:
    """Return the parameters of every algo, and the plain attributes of classes of the user's."""
    found: dict[str, Any] = {}
    for node in strategies_of(root):
        place = "" if node is root else f"{node.name}."
        for name, value in _own_attributes(node):
            found[f"{place}{name}"] = value
        names = []
        for name, algo in algos_of(node):
            names.append(name)
            for key, value in vars(algo).items() if hasattr(algo, "__dict__") else ():
                if not key.startswith("_") and key not in {"algos", "check_run_always"}:
                    found[f"{place}{name}.{key}"] = _shown(value)
        found[f"{place}algos"] = names
    return found


def _own_attributes(node: Any) -> Iterator[tuple[str, Any]]:
    own = original(node)
    mine = {
        name: value
        for cls in reversed(own.__mro__)
        if cls.__module__ != "bt.core"
        for name, value in vars(cls).items()
    }
    plain = vars(bt.Strategy(""))
    mine |= {name: value for name, value in vars(node).items() if name not in plain}
    for name, value in mine.items():
        if not name.startswith("_") and isinstance(value, _PLAIN):
            yield name, value


def _shown(value: Any) -> Any:
    """Return a parameter as it is if it is small, and what it is otherwise."""
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, (pd.DataFrame, pd.Series)):
        return f"{type(value).__name__}{value.shape}#{_hash_of(value)}"
    if isinstance(value, (list, tuple, set, frozenset, pd.Index)):
        return [_shown(one) for one in value]
    if isinstance(value, dict):
        return {str(key): _shown(one) for key, one in value.items()}
    if callable(value) and hasattr(value, "__qualname__"):
        return _function(value)
    text = repr(value)
    return type(value).__qualname__ if " at 0x" in text else text


def _hash_of(frame: Any) -> str:
    try:
        numbers = pd.util.hash_pandas_object(frame).to_numpy()
    except TypeError:  # objects without a hash
        return hashlib.sha256(str(frame).encode()).hexdigest()[:12]
    names = repr(list(frame.columns)) if isinstance(frame, pd.DataFrame) else repr(frame.name)
    return hashlib.sha256(numbers.tobytes() + names.encode()).hexdigest()[:12]


def _function(function: Any) -> str:
    """Return a function's name, and a digest of what it does: two lambdas have one name."""
    name = f"{function.__module__}.{function.__qualname__}"
    code = getattr(function, "__code__", None)
    if code is None:
        return name
    held = [cell.cell_contents for cell in function.__closure__ or ()]
    parts = (code.co_code, code.co_names, [c for c in code.co_consts if isinstance(c, _PLAIN)],
             function.__defaults__, [_shown(one) for one in held])  # fmt: skip
    return f"{name}#{hashlib.sha256(repr(parts).encode()).hexdigest()[:12]}"


# --- settings --------------------------------------------------------------------------------


def host_settings(backtest: Any) -> dict[str, Any]:
    """Return the settings of a backtest, which decide its fills."""
    strategy = backtest.strategy
    settings: dict[str, Any] = {
        "initial_capital": float(backtest.initial_capital),
        "integer_positions": bool(strategy.integer_positions),
        "commissions": _commissions(strategy),
    }
    for node in strategies_of(strategy):
        if node is not strategy and _commissions(node) != settings["commissions"]:
            settings[f"commissions of {node.name}"] = _commissions(node)
    model = backtest.cost_model
    settings["costs"] = _costs(strategy) if model is None else None
    if model is not None:
        settings["commissions"] = _cost_model(model)
        settings["volume"] = _shown(backtest.volume)
        settings["volatility"] = _shown(backtest.volatility)
    for name in ("bidoffer", "coupons", "cost_long", "cost_short"):
        if name in backtest.additional_data:
            settings[name] = _shown(backtest.additional_data[name])
    return settings


def _commissions(strategy: Any) -> Any:
    function = strategy.commission_fn
    if getattr(function, "__func__", None) is StrategyBase._dflt_comm_fn:
        return None
    return _shown(function)


def _costs(strategy: Any) -> dict[str, float] | None:
    function = strategy.commission_fn
    if getattr(function, "__func__", None) is StrategyBase._dflt_comm_fn:
        return {"fixed": 0.0, "per_unit": 0.0, "rate": 0.0}
    return costs_of(function)


def _cost_model(model: CostModel) -> str:
    said = ", ".join(f"{name}={_shown(value)}" for name, value in sorted(vars(model).items()))
    return f"{type(model).__name__}({said})"


# --- what is lost ----------------------------------------------------------------------------


def uncaptured(root: Any) -> set[str]:
    """Return what of a strategy a replay could not do again."""
    if hasattr(root, "replay_source"):
        return set()
    found = set()
    for node in strategies_of(root):
        for name in _ACCOUNTING:
            if _by_user(original(node), name):
                found.add(f"{original(node).__name__}.{name}, which is the user's own")
        for _, algo in algos_of(node):
            if isinstance(algo, bt.algos.CorporateActions):
                found.add("positions that CorporateActions changes")
        for child in (*node._childrenv, *node._lazy_children.values()):
            if isinstance(child, SecurityBase) and original(child).__module__ != "bt.core":
                found.add(f"securities of the user's own class {original(child).__name__}")
    return found


def _by_user(own: type, name: str) -> bool:
    return any(name in vars(cls) for cls in own.__mro__ if cls.__module__ != "bt.core")


# --- bars ------------------------------------------------------------------------------------


def base_table(prices: pd.Series, timeline: Timeline) -> pa.Table:
    """Return the prices of one column as base data."""
    every = np.arange(len(prices))
    return pa.table(
        {
            "timestamp": timeline.labels(every),
            "available_time": timeline.closes(every),
            "close": pa.array(prices.to_numpy(dtype=np.float64, na_value=np.nan)),
        }
    )


def code_of(own: type, root: Any) -> str | None:
    """Return the source text of a strategy of the user's own class, and of its algos."""
    texts = [source_of(own)] if own.__module__ != "bt.core" else []
    for node in strategies_of(root):
        for _, algo in algos_of(node):
            kind = type(algo) if isinstance(algo, bt.core.Algo) else algo
            if kind.__module__ not in {"bt.algos", "bt.core"}:
                texts.append(source_of(kind) if isinstance(kind, type) else _source(kind))
    kept = list(dict.fromkeys(text for text in texts if text))
    return "\n\n".join(kept) or None


def _source(function: Any) -> str | None:
    try:
        return inspect.getsource(function)
    except (OSError, TypeError):
        return None
