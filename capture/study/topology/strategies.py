"""Parameter sets of a strategy: those that its grid spans."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from capture.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["ParameterSet", "expanded"]


class ParameterSet(dict[str, Any]):
    """Parameters of one strategy.

    Attributes:
        varied: names of those that differ from set to set.
    """

    varied: tuple[str, ...] = ()


def expanded(params: Mapping[str, Any], grid: Any) -> Iterator[ParameterSet]:
    """Yield each parameter set of a grid, on top of fixed parameters."""
    if grid is None:
        yield ParameterSet(params)
        return
    from capture.study.grid import Grid

    made = Grid.of(grid)
    for point in made:
        both = sorted(set(params) & set(point))
        if both:
            raise ConfigError("grid", both[0], "it is a fixed parameter as well; leave out one")
        found = ParameterSet({**params, **point})
        found.varied = tuple(point)
        yield found
