"""Parameter sets of a strategy: those that its grid spans."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from capture.errors import ConfigError
from capture.study.grid import Grid
from capture.study.naming import identity

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["expanded"]


def expanded(
    name: str, params: Mapping[str, Any], grid: Any, symbols: Sequence[str] = ()
) -> Iterator[tuple[str, str | None, dict[str, Any]]]:
    """Yield name, symbol and parameters of each strategy that one of a configuration stands for.

    Args:
        name: what it is called; identities begin with it.
        params: parameters that all have.
        grid: parameters that differ, as `Grid.of` takes them; None has one strategy.
        symbols: where each symbol has a strategy of its own.

    Raises:
        ConfigError: the grid cannot be, or has a parameter that is fixed as well.
    """
    points: list[tuple[str, Mapping[str, Any]]]
    points = [(name, {})] if grid is None else [(p.id, p) for p in Grid.of(grid, prefix=name)]
    for point_id, point in points:
        both = sorted(set(params) & set(point))
        if both:
            raise ConfigError(both[0], params[both[0]], "the grid has it as well; leave out one")
        for symbol in symbols or (None,):
            key = point_id if symbol is None else identity(point_id, {"symbol": symbol})
            yield key, symbol, {**params, **point}
