"""The phase that replays: signals into portfolios, under every point of a grid."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from capture.errors import ConfigError, UnknownName
from capture.study.naming import identity
from capture.study.portfolio.settings import PortfolioSettings
from capture.study.sequencer.candidates import Candidate, SignalsOf
from capture.study.sequencer.course import Fed
from capture.study.sequencer.evaluating import refuse_unfit
from capture.study.sequencer.trying import Trying, try_all

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from capture.study.sequencer.course import Course

__all__ = ["Portfolios", "Replays"]


@dataclass(frozen=True, kw_only=True)
class Portfolios:
    """Which signals go into which portfolios.

    Attributes:
        signals: the signals, where they are known beforehand.
        source: a phase that hands on signals, or trials whose settings are taken further.
        strategies: which strategies of the phase; all of them by default.
        filters: what is left out of the signals, as `SignalsOf` has it.
        portfolios: settings by name; one with the defaults if there are none.
        points: settings of the grid; each is tried in every portfolio.
    """

    signals: tuple[SignalsOf, ...] = ()
    source: str | None = None
    strategies: Sequence[str] | None = None
    filters: Mapping[str, Any] = field(default_factory=dict)
    portfolios: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    points: tuple[Mapping[str, Any], ...] = ({},)

    @property
    def needs(self) -> tuple[str, ...]:
        """The phases that it feeds on."""
        return () if self.source is None else (self.source,)

    def described(self) -> dict[str, Any]:
        """Return everything that its candidates depend on."""
        return {
            "signals": [{**one.arguments(), "origin": one.origin} for one in self.signals],
            "source": self.source,
            "strategies": None if self.strategies is None else list(self.strategies),
            "filters": dict(self.filters),
            "portfolios": {name: dict(said) for name, said in self.portfolios.items()},
            "points": [dict(point) for point in self.points],
        }

    def candidates(self, course: Course) -> list[Candidate]:
        """Return every portfolio under every point of the grid.

        Raises:
            ConfigError: a setting cannot be, or two of them come to the same.
        """
        found = [
            candidate
            for base, portfolio, settings in self._bases(course)
            for candidate in self._gridded(base, portfolio, settings)
        ]
        if not found:
            raise ConfigError("grid", list(self.points), "it has no point, so nothing is tried")
        name, count = Counter(one.name for one in found).most_common(1)[0]
        if count > 1:
            raise ConfigError("grid", name, f"{count} of its points are called so; leave one out")
        # A setting that one of them has is told of all, also where it is the default.
        names = {name for one in found for name in one.settings}
        names |= {name for point in self.points for name in point}
        return [replace(one, settings=_told(one.settings, names)) for one in found]

    def _bases(self, course: Course) -> Iterable[tuple[Candidate, str, Mapping[str, Any]]]:
        fed = self._fed(course)
        if fed.candidates:
            for one in fed.candidates:
                base = replace(one, signals=replace(one.signals, **self.filters))
                for name, settings in (self.portfolios or {"": {}}).items():
                    yield base, name, settings
            return
        if not fed.signals:
            raise ConfigError("from", self.source, "this phase hands on nothing to replay")
        several = len(fed.signals) > 1
        for signals in fed.signals:
            word = (signals.strategy or "all") if several else ""
            narrowed = replace(signals, **self.filters)
            base = Candidate(name=word, signals=narrowed, settings={})
            for name, settings in (self.portfolios or {"": {}}).items():
                yield base, name, settings

    def _fed(self, course: Course) -> Fed:
        if self.source is None:
            return Fed(self.signals)
        fed = course.fed[self.source]
        if self.strategies is None:
            return fed
        known = {one.strategy for one in fed.signals}
        known |= {one.signals.strategy for one in fed.candidates}
        for name in self.strategies:
            if name not in known:
                words = sorted(filter(None, known))
                raise UnknownName(f"strategy of {self.source}", name, words)
        return Fed(
            tuple(one for one in fed.signals if one.strategy in self.strategies),
            tuple(one for one in fed.candidates if one.signals.strategy in self.strategies),
        )

    def _gridded(
        self, base: Candidate, portfolio: str, settings: Mapping[str, Any]
    ) -> Iterable[Candidate]:
        named = portfolio if len(self.portfolios) > 1 else ""
        for point in self.points:
            whole = PortfolioSettings.from_mapping({**base.settings, **settings, **point})
            words = [base.name, named, identity("", point)]
            yield replace(
                base,
                name="__".join(filter(None, words)) or portfolio or "as_it_is",
                settings=whole.to_mapping(every=False),
                portfolio=portfolio or base.portfolio,
            )


def _told(settings: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    every = PortfolioSettings.from_mapping(settings).to_mapping()
    return {name: value for name, value in every.items() if name in names}


@dataclass(frozen=True, kw_only=True)
class Replays:
    """A phase that tries every candidate over all of its data.

    Attributes:
        name: what it is called.
        portfolios: what is tried.
        objectives: what is computed of each trial.
        event_driven: let every event happen, also where the quick way would do.
    """

    name: str
    portfolios: Portfolios
    objectives: Sequence[str]
    event_driven: bool = False

    @property
    def needs(self) -> tuple[str, ...]:
        """The phases that it feeds on."""
        return self.portfolios.needs

    def described(self) -> dict[str, Any]:
        """Return everything that its results depend on."""
        return {
            "phase": "replay",
            **self.portfolios.described(),
            "objectives": list(self.objectives),
            "event_driven": self.event_driven,
        }

    def run(self, course: Course) -> Fed:
        """Try what is not done yet, and hand on every candidate."""
        candidates = self.portfolios.candidates(course)
        refuse_unfit(one.signals for one in candidates)
        tryings = [
            Trying(name=one.name, number=number, candidate=one)
            for number, one in enumerate(candidates)
        ]
        with course.collect(self.name) as collector:
            try_all(
                course,
                collector,
                tryings,
                objectives=self.objectives,
                event_driven=self.event_driven,
            )
            collector.finish(planned=len(tryings))
        return Fed(candidates=tuple(candidates))
