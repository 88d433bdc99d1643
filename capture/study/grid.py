"""Grids: which values of which settings are tried, and what each combination is called."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator, Mapping
from itertools import product
from math import prod
from typing import Any, Final

from capture.errors import ConfigError, did_you_mean
from capture.study.naming import identity, word_of
from capture.study.values import (
    MOST,
    RANGES,
    Values,
    counted,
    linspace,
    logspace,
    only_when,
    same,
    values_of,
)

__all__ = ["Grid", "Point", "Values", "linspace", "logspace", "only_when", "values_of"]

_WHOLE: Final = ("values", "sample", "seed", "prefix")
"""What a mapping may say that is a grid and not its settings."""


class Point(Mapping[str, Any]):
    """One combination of a grid.

    Attributes:
        id: what a person calls it: `momentum_lookback_20_threshold_0.7`.
    """

    __slots__ = ("_values", "id")

    def __init__(self, prefix: str, values: Mapping[str, Any], names: Collection[str]) -> None:
        """Keep values; `names` are all that the grid has, some of which may not apply here."""
        self._values = dict(values)
        self.id = identity(prefix, self._values, names)

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Point({self.id})"


class Grid:
    """Every combination of values, or some of them.

    Attributes:
        values: what is tried, by name of the setting.
        prefix: what identities begin with, such as the name of a strategy.
        size: how many combinations there are.
        chosen: how many of them are tried, at random; None tries all.
        seed: what the choice depends on.

    Example:
        ```python
        grid = Grid({"lookback": [10, 20], "threshold": linspace(0.5, 0.9, 5)}, prefix="momentum")
        len(grid)  # 10
        [point.id for point in grid.sample(3, seed=1)]
        ```
    """

    def __init__(
        self,
        values: Mapping[str, Any],
        *,
        prefix: str = "",
        sample: int | None = None,
        seed: int = 0,
        most: int = MOST,
    ) -> None:
        """Check a grid; nothing is expanded.

        Args:
            values: by name of the setting, as in `values_of`.
            prefix: what identities begin with.
            sample: try so many combinations, chosen at random; all if there are no more.
            seed: the same seed chooses the same.
            most: refuse to try more combinations than this.

        Raises:
            ConfigError: it has no combination, too many, a value twice, or a condition that is
                never met.
        """
        if not isinstance(values, Mapping):
            raise ConfigError("grid", values, "name settings, each with its values")
        if sample is not None:
            counted("sample", sample)
        if isinstance(seed, bool) or not isinstance(seed, int):
            raise ConfigError("seed", seed, "a whole number is needed")
        self.prefix = prefix
        self.seed = seed
        self.values: dict[str, Values] = {}
        for name, said in values.items():
            if not isinstance(name, str) or not name:
                raise ConfigError("grid", name, "a setting has a name")
            self.values[name] = values_of(name, said)
        for name, mine in self.values.items():
            _check(name, mine, self.values)
        _refuse_circles(self.values)
        self.size = sum(count for _, _, count in self._branches())
        self.chosen = None if sample is None or sample >= self.size else sample
        if len(self) > most:
            raise ConfigError(
                "grid",
                self.size,
                f"these are more than {most:,} combinations; try fewer values, or a random part: "
                "sample=..., seed=...",
            )

    @classmethod
    def of(cls, said: Any, *, prefix: str = "") -> Grid:
        """Return the grid that a person wrote, or one that was made before.

        Args:
            said: a `Grid`; settings with their values; or a mapping of `values`, and of `sample`,
                `seed` and `prefix` beside them.
            prefix: what identities begin with, unless it is said.
        """
        if isinstance(said, Grid):
            return said
        whole = isinstance(said, Mapping) and isinstance(said.get("values"), Mapping)
        if not whole or set(said["values"]) & {*RANGES, "values"}:
            return cls(said, prefix=prefix)
        for word in said:
            if word not in _WHOLE:
                hint = did_you_mean(str(word), _WHOLE)
                raise ConfigError("grid", word, f"beside values there are sample and seed.{hint}")
        return cls(said["values"], **{"prefix": prefix, **_rest(said)})

    def __len__(self) -> int:
        return self.size if self.chosen is None else self.chosen

    def __repr__(self) -> str:
        part = "" if self.chosen is None else f"{self.chosen:,} of "
        return f"Grid({', '.join(self.values)}: {part}{self.size:,} combinations)"

    def __iter__(self) -> Iterator[Point]:
        """Yield the combinations, each one once, always in the same order."""
        if self.chosen is None:
            for decided, rest, _ in self._branches():
                for values in product(*(self.values[name].values for name in rest)):
                    yield self._point({**decided, **dict(zip(rest, values, strict=True))})
            return
        source = random.Random(self.seed)
        numbers: set[int] = set()
        while len(numbers) < self.chosen:
            numbers.add(source.randrange(self.size))
        yield from (self[number] for number in sorted(numbers))

    def __getitem__(self, number: int) -> Point:
        """Return the combination of a number, of all that there are; nothing is expanded."""
        if not 0 <= number < self.size:
            raise IndexError(f"{self!r} has no combination {number}")
        for decided, rest, count in self._branches():
            if number < count:
                point = dict(decided)
                for name in reversed(rest):
                    values = self.values[name].values
                    number, place = divmod(number, len(values))
                    point[name] = values[place]
                return self._point(point)
            number -= count
        raise AssertionError("unreachable: the counts of the branches are the size")

    def sample(self, count: int, *, seed: int) -> Grid:
        """Return the grid of some of the combinations, chosen at random without repetition."""
        return Grid(self.values, prefix=self.prefix, sample=count, seed=seed)

    def _point(self, values: Mapping[str, Any]) -> Point:
        ordered = {name: values[name] for name in self.values if name in values}
        return Point(self.prefix, ordered, self.values)

    def _order(self) -> list[str]:
        """Return the settings that others wait for, each after those that it waits for."""
        order: list[str] = []

        def visit(name: str) -> None:
            if name not in order:
                for other in self.values[name].when:
                    visit(other)
                order.append(name)

        for mine in self.values.values():
            for other in mine.when:
                visit(other)
        return order

    def _branches(self) -> Iterator[tuple[dict[str, Any], list[str], int]]:
        """Yield the values of settings that others wait for, what is tried beside, and how many."""
        order = self._order()
        free = [name for name in self.values if name not in order]

        def extend(place: int, point: dict[str, Any]) -> Iterator[dict[str, Any]]:
            if place == len(order):
                yield point
            elif not self.values[order[place]].applies(point):
                yield from extend(place + 1, point)
            else:
                for value in self.values[order[place]].values:
                    yield from extend(place + 1, {**point, order[place]: value})

        for point in extend(0, {}):
            rest = [name for name in free if self.values[name].applies(point)]
            yield point, rest, prod(len(self.values[name].values) for name in rest)


def _rest(said: Mapping[str, Any]) -> dict[str, Any]:
    return {word: value for word, value in said.items() if word != "values"}


def _check(name: str, mine: Values, every: Mapping[str, Values]) -> None:
    if not mine.values:
        raise ConfigError(name, [], "it has no values, so that there is nothing to try")
    words: dict[str, Any] = {}
    for value in mine.values:
        word = word_of(value)
        if word in words:
            raise ConfigError(name, value, f"it is there twice (also as {words[word]!r})")
        words[word] = value
    for other, allowed in mine.when.items():
        if other not in every:
            raise ConfigError(
                f"{name}.when", other, f"the grid has no such setting.{did_you_mean(other, every)}"
            )
        for value in allowed:
            if not any(same(value, one) for one in every[other].values):
                have = ", ".join(map(repr, every[other].values[:10]))
                raise ConfigError(f"{name}.when", value, f"{other} is never that; it is {have}")


def _refuse_circles(every: Mapping[str, Values]) -> None:
    """Refuse settings that depend on one another."""

    def visit(name: str, path: tuple[str, ...]) -> None:
        if name in path:
            circle = " -> ".join([*path[path.index(name) :], name])
            raise ConfigError(f"{name}.when", circle, "these settings wait for one another")
        for other in every[name].when:
            visit(other, (*path, name))

    for name in every:
        visit(name, ())
