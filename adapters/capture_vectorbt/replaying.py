"""A recording on its way back: the recorded call once more, with stored or changed arguments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from vectorbt.portfolio.base import Portfolio

from capture.errors import ConfigError, DataMismatch, NotReplayable, did_you_mean
from capture_vectorbt.calls import defaults_of, names_of
from capture_vectorbt.cells import KINDS
from capture_vectorbt.choosing import chosen_columns, narrowed_to
from capture_vectorbt.listening import listening
from capture_vectorbt.narrowing import narrowed
from capture_vectorbt.rebuilding import Unkept
from capture_vectorbt.repeating import Repeats, by_cell
from capture_vectorbt.stored import StoredCall
from capture_vectorbt.wanting import wanted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from capture.contracts.replay import ReplaySource

__all__ = ["replayed"]


def replayed(source: ReplaySource, changed: Mapping[str, Any]) -> Any:
    """Return the portfolio of a replay.

    Args:
        source: the recording.
        changed: arguments that are to be other than recorded.
    """
    if source.config is not None and source.config.seed is not None:
        # Where the replay is recorded, the recorder takes this word; it is the host's all the same.
        changed = {**changed, "seed": source.config.seed}
    if source.mode == "intent":
        constructor, arguments, seqs = _recorded(source, changed)
    else:
        _check_names(Portfolio.from_signals, changed)
        constructor = "from_signals"
        arguments, seqs = wanted(source, changed)
    return _made(source, constructor, arguments, seqs)


def _made(
    source: ReplaySource,
    constructor: str,
    arguments: Mapping[str, Any],
    seqs: Mapping[tuple[int, int, int], int],
) -> Any:
    """Call the constructor, and record the replay if that is wanted."""
    make = getattr(Portfolio, constructor)
    rest = dict(arguments)
    close = rest.pop("close")
    first = [close]
    if constructor == "from_order_func":
        first += [rest.pop("order_func_nb"), *rest.pop("order_args", ())]
    if source.config is None:
        return make(*first, **rest)
    with listening(source.config, lambda _run_id: None, Repeats(source, seqs)):
        # Asked for again, for the constructor is another one while somebody listens.
        return getattr(Portfolio, constructor)(*first, **rest)


def _recorded(
    source: ReplaySource, changed: Mapping[str, Any]
) -> tuple[str, dict[str, Any], dict[tuple[int, int, int], int]]:
    """Return constructor and arguments of the recorded call, and the signals that it repeats."""
    call = StoredCall(source)
    constructor = call.said["constructor"]
    _check_names(getattr(Portfolio, constructor), changed)
    arguments = call.arguments()
    if "close" in changed:
        _check_close(source, arguments["close"], changed["close"])
    columns = chosen_columns(source, call.said)
    own = {name: value for name, value in changed.items() if name != "close"}
    seqs = _recorded_seqs(call)
    if source.narrowed:
        left = narrowed(source, call, {**arguments, **own}, columns)
        arguments |= left.arguments
        own = {n: value for n, value in own.items() if n in KINDS or n not in left.arguments}
        seqs = left.seqs
    arguments = narrowed_to(columns, call.said, arguments)
    arguments |= _other_defaults(call, constructor, arguments)
    arguments |= own
    _refuse_unkept(source, arguments)
    return constructor, arguments, _of_columns(seqs, columns)


def _check_names(constructor: Any, changed: Mapping[str, Any]) -> None:
    known = names_of(constructor)
    for name, value in changed.items():
        if name not in known:
            hint = did_you_mean(name, known)
            raise ConfigError(
                name, value, f"Portfolio.{constructor.__name__} takes no such argument.{hint}"
            )


def _check_close(source: ReplaySource, recorded: Any, given: Any) -> None:
    was, now = np.asarray(recorded), np.asarray(given)
    if was.size == now.size:
        was, now = was.reshape(len(was), -1), now.reshape(len(was), -1)
    if was.shape != now.shape:
        raise DataMismatch(source.run_id, f"{len(was)} bars then, {len(now)} now")
    differs = np.argwhere((was != now) & ~(pd.isna(was) & pd.isna(now)))
    if len(differs):
        bar, column = differs[0].tolist()
        raise DataMismatch(
            source.run_id, f"close of bar {bar} was {was[bar, column]} and is {now[bar, column]}"
        )
    index = getattr(recorded, "index", None), getattr(given, "index", None)
    if index[0] is not None and index[1] is not None and not index[0].equals(index[1]):
        raise DataMismatch(source.run_id, "the bars have other times")


def _other_defaults(
    call: StoredCall, constructor: str, arguments: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the global settings of then that are others now."""
    then = call.arguments("defaults")
    now = defaults_of(constructor, tuple(then))
    both = arguments.get("short_entries") is not None or arguments.get("short_exits") is not None
    return {
        name: value
        for name, value in then.items()
        if arguments.get(name) is None
        and not _equal(value, now.get(name))
        and not (name == "direction" and constructor == "from_signals" and both)
    }


def _equal(one: Any, other: Any) -> bool:
    return bool(np.array_equal(np.asarray(one), np.asarray(other))) or (
        one != one and other != other
    )


def _refuse_unkept(source: ReplaySource, arguments: Mapping[str, Any]) -> None:
    missing = {name: kind for name, value in arguments.items() if (kind := _unkept(value))}
    if missing:
        named = ", ".join(f"{name} ({kind})" for name, kind in sorted(missing.items()))
        options = ", ".join(f"{name}=..." for name in sorted(missing))
        raise NotReplayable(
            source.run_id,
            f"what cannot be kept in a recording is missing: {named}",
            f'pass it: .into("vectorbt", {options})',
        )


def _unkept(value: Any) -> str | None:
    if isinstance(value, Unkept):
        return value.kind
    if isinstance(value, dict):
        value = [*value.keys(), *value.values()]
    if isinstance(value, (list, tuple)):
        return next((kind for part in value if (kind := _unkept(part))), None)
    return None


def _recorded_seqs(call: StoredCall) -> dict[tuple[int, int, int], int]:
    orders = call.orders
    places = (orders[name] for name in ("bar_index", "extra_column", "kind", "signal_seq"))
    return by_cell(*places)


def _of_columns(
    seqs: Mapping[tuple[int, int, int], int], columns: list[int]
) -> dict[tuple[int, int, int], int]:
    """Return the signals that are repeated, with the columns as the replay numbers them."""
    place = {column: number for number, column in enumerate(columns)}
    return {
        (bar, place[column], kind): seq
        for (bar, column, kind), seq in seqs.items()
        if column in place
    }
