"""What many settings came to: a row each, and the account of any of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from capture.analysis.results import Result
from capture.errors import ConfigError, UnknownName
from capture.recorder.facts import plain
from capture.study.portfolio.account import Account, account_of
from capture.study.portfolio.verdicts import Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from numpy.typing import NDArray

    from capture.study.objectives.observing import Direction, Performance
    from capture.study.portfolio.settings import PortfolioSettings
    from capture.study.portfolio.sparse import SparseReplay

__all__ = ["Best", "SettingsResult"]

SETTING = "setting_"
"""What the columns of settings begin with, so that none is taken for a metric."""


@dataclass(frozen=True)
class Best:
    """The best row of a result.

    Attributes:
        row: its number.
        id: what a person calls its settings.
        strategy: whose signals.
        settings: how it traded.
        values: what it came to, by objective.
    """

    row: int
    id: str
    strategy: str
    settings: PortfolioSettings
    values: Mapping[str, float]


@dataclass(frozen=True, eq=False, repr=False)
class SettingsResult(Result):
    """What settings came to: a row per strategy and settings, in the order given.

    Attributes:
        settings: how each row traded.
        strategies: whose signals it traded.
        performance: what objectives were computed from.
        objectives: what each row came to, by name of the objective.
        directions: whether the best is the highest or the lowest.
        verdicts: how often each `Verdict` was given, a column each.
    """

    title: ClassVar[str] = "Settings"
    settings: tuple[PortfolioSettings, ...]
    strategies: tuple[str, ...]
    performance: Performance
    objectives: Mapping[str, NDArray[np.float64]]
    directions: Mapping[str, Direction]
    verdicts: NDArray[np.int64]
    _replays: Mapping[str, SparseReplay]

    def __len__(self) -> int:
        return len(self.settings)

    def __repr__(self) -> str:
        return f"SettingsResult({len(self)} rows: {', '.join(self.objectives)})"

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """What a person calls the settings of each row."""
        return tuple(one.id for one in self.settings)

    def to_frame(self) -> pd.DataFrame:
        """Return a row per portfolio: the settings that vary, objectives, counts, refusals."""
        import pandas as pd

        columns: dict[str, Any] = {"strategy": self.strategies, "id": self.ids}
        for name in self._varied():
            columns[f"{SETTING}{name}"] = [getattr(one, name) for one in self.settings]
        columns.update(self.objectives)
        of = self.performance
        columns["final"] = of.final
        for name, values in (("trades", of.trades), ("fills", of.fills)):
            columns[name] = values.astype(np.int64)
        columns["commission"] = of.costs
        for verdict in Verdict:
            if verdict is not Verdict.FILLED and self.verdicts[:, verdict].any():
                columns[f"refused_{verdict.word}"] = self.verdicts[:, verdict]
        return pd.DataFrame(columns)

    def _varied(self) -> list[str]:
        said = [one.to_mapping() for one in self.settings]
        return [name for name in (said[0] if said else ()) if len({one[name] for one in said}) > 1]

    def to_dict(self) -> dict[str, Any]:
        """Return the rows as plain values, ready for JSON."""
        rows = self.to_frame().to_dict("records")
        return {
            "rows": [{str(name): plain(cell) for name, cell in row.items()} for row in rows],
            "directions": dict(self.directions),
        }

    def summary(self) -> str:
        """Return the line that says which is the best."""
        if not len(self) or not self.objectives:
            return f"{len(self)} settings"
        name = next(iter(self.objectives))
        try:
            best = self.best(name)
        except ConfigError:
            return f"{len(self)} settings, none with a {name}"
        return f"{len(self)} settings; best {name} {best.values[name]:.6g}: {best.id}"

    def best(self, by: str | None = None) -> Best:
        """Return the best row; of equal ones the first.

        Args:
            by: name of the objective; the first by default. Rows in which it is not defined are
                never the best.

        Raises:
            UnknownName: it was not computed.
            ConfigError: it is defined in no row.
        """
        name = next(iter(self.objectives), "") if by is None else by
        if name not in self.objectives:
            raise UnknownName("objective of this result", name, self.objectives)
        values = self.objectives[name]
        if not len(values) or np.isnan(values).all():
            raise ConfigError("by", name, "it is defined for none of the settings")
        lowest = self.directions[name] == "minimise"
        row = int(np.nanargmin(values) if lowest else np.nanargmax(values))
        came_to = {key: float(column[row]) for key, column in self.objectives.items()}
        return Best(row, self.ids[row], self.strategies[row], self.settings[row], came_to)

    # --- one row -----------------------------------------------------------------------------

    def row_of(self, which: int | str) -> int:
        """Return the number of a row, given it or the id of settings."""
        if isinstance(which, str):
            if which not in self.ids:
                raise UnknownName("settings of this result", which, self.ids)
            return self.ids.index(which)
        if not -len(self) <= which < len(self):
            raise ConfigError("row", which, f"there are rows 0 to {len(self) - 1}")
        return which % len(self)

    def account(self, which: int | str) -> Account:
        """Return the account of a row: its equity, fills and trades; it trades once more for it."""
        row = self.row_of(which)
        return account_of(self._replays[self.strategies[row]], self.settings[row])

    def equity(self, which: int | str) -> pd.Series[float]:
        """Return what the portfolio of a row was worth at each step."""
        return self.account(which).equity()

    def fills(self, which: int | str) -> pd.DataFrame:
        """Return the fills of a row."""
        return self.account(which).fills()

    def trades(self, which: int | str) -> pd.DataFrame:
        """Return the trades of a row."""
        return self.account(which).trades()

    def returns(self, which: int | str) -> pd.Series[float]:
        """Return the return of each period of a row, by day where bars have times."""
        import pandas as pd

        row = self.row_of(which)
        market = self._replays[self.strategies[row]].market
        ends = market.day_ends
        index: pd.Index[Any] = pd.RangeIndex(len(ends), name="step")
        if market.times_ns is not None:
            moments = pd.DatetimeIndex(market.times_ns[ends] - 1, tz="UTC")
            index = moments.normalize().rename("day")
        values = self.performance.returns[row, : len(ends)]
        return pd.Series(values, index=index, name="return")
