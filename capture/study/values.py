"""The values of one setting of a grid: lists, ranges, and when they are tried."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import exp, isfinite, log
from typing import Any, Final

from capture.errors import ConfigError, did_you_mean
from capture.study.naming import word_of

__all__ = [
    "MOST",
    "RANGES",
    "Values",
    "counted",
    "linspace",
    "logspace",
    "only_when",
    "same",
    "values_of",
]

MOST: Final = 1_000_000
"""Combinations that a grid may have where nothing else is said."""

RANGES: Final = {
    "range": ("start", "stop", "step"),
    "linspace": ("start", "stop", "count"),
    "logspace": ("start", "stop", "count"),
}
"""How values are written that are not listed one by one."""


class Values:
    """The values of one setting, and when they are tried.

    Attributes:
        values: in the order in which they are tried; no two are equal.
        when: values that other settings must have; otherwise this one is left out.
    """

    __slots__ = ("values", "when")

    def __init__(
        self, values: Iterable[Any], when: Mapping[str, Iterable[Any]] | None = None
    ) -> None:
        """Keep values."""
        self.values: tuple[Any, ...] = tuple(values)
        self.when: dict[str, tuple[Any, ...]] = {
            name: _listed(allowed) for name, allowed in (when or {}).items()
        }

    def __repr__(self) -> str:
        return f"Values({list(self.values)!r}" + (f", when={self.when!r})" if self.when else ")")

    def applies(self, point: Mapping[str, Any]) -> bool:
        """Say whether they are tried beside these values of other settings."""
        return all(
            name in point and any(same(point[name], one) for one in allowed)
            for name, allowed in self.when.items()
        )


def only_when(values: Any, /, **when: Any) -> Values:
    """Return values that are tried only where other settings have a value, or one of several.

    Example:
        ```python
        Grid({"exit": ["stop", "time"], "stop": only_when([0.01, 0.02], exit="stop")})
        ```
    """
    found = values_of("values", values)
    return Values(found.values, {**found.when, **when})


def linspace(start: float, stop: float, count: int) -> list[float]:
    """Return numbers at equal distances, both ends included."""
    counted("linspace", count)
    if count == 1:
        return [start]
    return [start + (stop - start) * n / (count - 1) for n in range(count - 1)] + [stop]


def logspace(start: float, stop: float, count: int) -> list[float]:
    """Return numbers at equal ratios, both ends included; both must be more than 0."""
    for name, value in (("start", start), ("stop", stop)):
        if not value > 0:
            raise ConfigError(f"logspace {name}", value, "more than 0 is needed")
    inside = [exp(one) for one in linspace(log(start), log(stop), count)]
    return [start, *inside[1:-1], stop] if count > 1 else [start]


def values_of(name: str, said: Any) -> Values:
    """Return the values that a person wrote for a setting.

    Args:
        name: the setting, for errors.
        said: one value; a list; or a mapping: `{range: [start, stop, step]}` (the stop included if
            it is met), `{linspace: [start, stop, count]}`, `{logspace: [start, stop, count]}`, or
            `{values: ..., when: {other: value}}`.
    """
    if isinstance(said, Values):
        return said
    if isinstance(said, Mapping):
        return _mapped(name, said)
    return Values(_listed(said))


def _listed(said: Any) -> tuple[Any, ...]:
    if isinstance(said, (str, bytes, Mapping)) or not isinstance(said, Iterable):
        return (said,)
    return tuple(said)


def _mapped(name: str, said: Mapping[str, Any]) -> Values:
    """Return values that were written as a mapping."""
    known = {*RANGES, "values", "when"}
    for word in said:
        if word not in known:
            hint = did_you_mean(str(word), known)
            raise ConfigError(name, word, f"choose one of {', '.join(sorted(known))}.{hint}")
    kinds = [word for word in said if word != "when"]
    if len(kinds) != 1:
        raise ConfigError(name, dict(said), f"say one of {', '.join(sorted(known - {'when'}))}")
    when = said.get("when")
    if when is not None and not isinstance(when, Mapping):
        raise ConfigError(f"{name}.when", when, "name settings, each with the values it must have")
    if kinds[0] == "values":
        return Values(_listed(said["values"]), when)
    return Values(_ranged(name, kinds[0], said[kinds[0]]), when)


def _ranged(name: str, kind: str, said: Any) -> list[Any]:
    words = RANGES[kind]
    if isinstance(said, Mapping) and set(said) <= set(words):
        said = [said.get(word) for word in words if word in said]
    if not isinstance(said, Sequence) or isinstance(said, str) or len(said) not in (2, 3):
        raise ConfigError(f"{name}.{kind}", said, f"write it as [{', '.join(words)}]")
    for value in said:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not isfinite(value):
            raise ConfigError(f"{name}.{kind}", value, "numbers are needed")
    if kind == "range":
        return _stepped(name, *said)
    if len(said) != 3:
        raise ConfigError(f"{name}.{kind}", list(said), f"write it as [{', '.join(words)}]")
    return (linspace if kind == "linspace" else logspace)(*said)


def _stepped(name: str, start: float, stop: float, step: float = 1) -> list[Any]:
    """Return numbers from start to stop; each is computed by itself, so that no error grows."""
    if step == 0 or (stop - start) * step < 0:
        raise ConfigError(f"{name}.range", [start, stop, step], "it never comes to its stop")
    count = int((stop - start) / step + 1e-9) + 1
    if count > MOST:
        raise ConfigError(f"{name}.range", [start, stop, step], f"these are {count:,} values")
    found = [start + n * step for n in range(count)]
    return found if all(isinstance(n, int) for n in (start, step)) else _rounded(found)


def _rounded(numbers: list[float]) -> list[float]:
    """Return numbers as a person would write them: 0.3 for 0.30000000000000004."""
    return [float(f"{number:.12g}") for number in numbers]


def same(one: Any, other: Any) -> bool:
    """Say whether two values are the same to a person: true is not 1, and 1.0 is."""
    return word_of(one) == word_of(other)


def counted(name: str, count: Any) -> None:
    """Refuse what is no count."""
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise ConfigError(name, count, "a whole number of at least 1 is needed")
