"""Replaying some columns of a recorded call: the arguments of those columns alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from capture.errors import NotReplayable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from capture.contracts.replay import ReplaySource

__all__ = ["chosen_columns", "narrowed_to"]

_OF_EACH: Final = ("init_cash", "group_by", "columns_from")
"""What has a value for each column where it has one dimension; of all else that is bars."""

_NESTED: Final = ("broadcast_named_args", "broadcast_kwargs")


def chosen_columns(source: ReplaySource, said: Mapping[str, Any]) -> list[int]:
    """Return the columns that the replay is of: all, or those of the strategy."""
    strategies = said["strategies"]
    if not source.strategy_id:
        return list(range(len(strategies)))
    chosen = [i for i, name in enumerate(strategies) if name == source.strategy_id]
    groups = said["groups"]
    if groups is not None:
        mine = {groups[column] for column in chosen}
        if any(groups[i] in mine for i in range(len(strategies)) if i not in set(chosen)):
            raise NotReplayable(
                source.run_id,
                f"{source.strategy_id} shares its cash with other strategies",
                "replay all of them: name no strategy",
            )
    return chosen


def narrowed_to(
    columns: list[int], said: Mapping[str, Any], arguments: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the arguments of these columns; what is one for all columns stays."""
    count = said["shape"][1]
    if len(columns) == count:
        return dict(arguments)
    own = {name: _of(name, columns, count, value) for name, value in arguments.items()}
    close = own["close"]
    if isinstance(close, pd.DataFrame) and 1 < close.shape[1] != len(columns):
        labels = [str(label) for label in close.columns]
        own["close"] = close.iloc[:, [labels.index(said["symbols"][i]) for i in columns]]
    for name in _NESTED:
        if own.get(name):
            own[name] = {k: _of(k, columns, count, v) for k, v in own[name].items()}
    groups = said["groups"]
    cash: Any = own.get("init_cash")
    if groups is not None and np.ndim(cash) == 1:
        mine = sorted({groups[i] for i in columns})
        own["init_cash"] = np.asarray(arguments["init_cash"])[mine]
    return own


def _of(name: str, columns: list[int], count: int, value: Any) -> Any:
    """Return an argument of these columns; what has another form than that is for all of them."""
    if isinstance(value, (list, tuple)):
        return _of_list(name, columns, count, value)
    shape = np.shape(value)
    if len(shape) == 2 and shape[1] == count:
        return value.iloc[:, columns] if isinstance(value, pd.DataFrame) else value[:, columns]
    if shape == (count,) and name in _OF_EACH:
        return value.iloc[columns] if isinstance(value, pd.Series) else value[columns]
    return value


def _of_list(name: str, columns: list[int], count: int, value: Any) -> Any:
    """Return a list of these columns; vectorbt takes one of lists for rows and columns."""
    if name in _OF_EACH:
        return type(value)(value[i] for i in columns) if len(value) == count else value
    if value and all(isinstance(row, (list, tuple)) and len(row) == count for row in value):
        return [[row[i] for i in columns] for row in value]
    return value
