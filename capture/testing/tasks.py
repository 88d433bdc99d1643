"""Tasks for the executor suite: what workers are asked to do, and to survive."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
import pyarrow as pa

from capture.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "describe",
    "die",
    "die_once",
    "divide",
    "echo",
    "process_id",
    "raise_once",
    "refuse",
    "sleep",
    "square",
]


def echo(**arguments: Any) -> dict[str, Any]:
    """Return what was given."""
    return arguments


def divide(above: float, below: float) -> float:
    """Return a quotient, or raise."""
    return above / below


def describe(seed: int) -> dict[str, Any]:
    """Return plain data of every kind that a study needs."""
    drawn = np.random.default_rng(seed).normal(size=7)
    return {
        "none": None,
        "flag": True,
        "whole": 2**62 + seed,
        "number": float(drawn.sum()),
        "not a number": float("nan"),
        "text": "Grüße, 世界",
        "bytes": bytes(range(256)),
        "list": [1, 2.5, "three"],
        "tuple": (1, 2),
        "array": drawn,
        "table": pa.table({"number": drawn, "place": range(7)}),
    }


def refuse(cash: float) -> NoReturn:
    """Say that a setting cannot be, which no second try changes."""
    raise ConfigError("cash", cash, "more than 0 is needed")


def raise_once(place: str) -> str:
    """Raise the first time, and not again."""
    return "came through" if _seen(place) else _complain()


def _complain() -> NoReturn:
    raise OSError("the network is away for a moment")


def die() -> NoReturn:
    """Kill the process that runs this, as the system does when memory runs out."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError  # it is not reached


def die_once(place: str) -> str:
    """Kill the process that runs this the first time, and not again."""
    return "came through" if _seen(place) else die()


def _seen(place: str) -> bool:
    """Say whether this was asked before; the file at the place remembers it."""
    try:
        Path(place).open("xb").close()
    except FileExistsError:
        return True
    return False


def process_id() -> int:
    """Return the number of the process that runs this."""
    return os.getpid()


def sleep(seconds: float) -> float:
    """Take some time."""
    time.sleep(seconds)
    return seconds


def square(number: int) -> int:
    """Return a square; many at once where they come together."""
    return number * number


def _squares(asked: Sequence[Mapping[str, int]]) -> list[int]:
    if any(one["number"] < 0 for one in asked):
        raise ValueError("all at once, only what is not negative")
    return [one["number"] ** 2 for one in asked]


square.together = _squares  # type: ignore[attr-defined]
