"""The feature stage: each feature is computed once, ahead of time, and never looks ahead."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from capture import get_host
from capture.classifying import changes_of
from capture.errors import CaptureError, ConfigError, UnknownName, did_you_mean
from capture.index.alignment import align_in_order
from capture.recorder.regimes import configured

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from capture.recorder.regimes import Configured
    from capture_builtin.feeds import Feed
    from capture_builtin.needs import Feature

    Reals = NDArray[np.float64]
    Lines = Mapping[str, Reals]

__all__ = ["FeatureStage", "LookAhead", "taken_options"]

_CUTS: Final = (0.1, 0.5, 0.9)
"""Where bars are cut off to see whether what came before them changes."""


class LookAhead(CaptureError):
    """A feature says of a bar what only later bars can tell."""

    def __init__(self, feature: str, bar: int, whole: Any, cut: Any) -> None:
        """Name the feature and the first bar at which it changed."""
        self.feature: Final = feature
        self.bar: Final = bar
        super().__init__(
            f'the feature "{feature}" looks ahead: at bar {bar} it is {whole!r} with all bars, and '
            f"{cut!r} without the later ones; compute it from bars up to the present one"
        )


class FeatureStage:
    """Computes the features of a run, each combination of bars and options once."""

    def __init__(self, feeds: Mapping[tuple[str, str], Feed], *, verify: bool = True) -> None:
        """Compute from these feeds.

        Args:
            feeds: by symbol and timeframe.
            verify: compute each feature again on part of the bars, and refuse it if anything
                before the cut is different then.
        """
        self._feeds = feeds
        self._verify = verify
        self._known: dict[Any, Lines] = {}
        self._regimes: dict[Any, list[str | None]] = {}

    def lines(self, name: str, feature: Feature, series: tuple[str, str]) -> Lines:
        """Return the lines of a feature, by the name a strategy knows them by.

        Args:
            name: the feature's own name.
            feature: which one, and how.
            series: the bars it goes by.

        Raises:
            UnknownName: there is no such feature.
            ConfigError: it has no such option, or the option cannot be.
            LookAhead: it depends on later bars.
        """
        others = () if feature.of is None else feature.of[1:]
        timeframe = feature.timeframe
        names = tuple(self._series_of(other, timeframe) for other in others)
        key = (feature.use, repr(sorted(feature.options.items())), series, names)
        if key not in self._known:
            self._known[key] = self._computed(feature, [series, *names])
        lines = self._known[key]
        return {name if not line else f"{name}_{line}": v for line, v in lines.items()}

    def _series_of(self, symbol: str, timeframe: str | None) -> tuple[str, str]:
        mine = [s for s in self._feeds if s[0] == symbol and timeframe in (None, s[1])]
        if not mine:
            known = {s[0] for s in self._feeds}
            raise UnknownName("symbol of the data", symbol, known)
        return min(mine, key=self._step)

    def _step(self, series: tuple[str, str]) -> int:
        labels = self._feeds[series].labels_ns
        return int(np.median(np.diff(labels))) if len(labels) > 1 else 0

    def _computed(self, feature: Feature, series: Sequence[tuple[str, str]]) -> Lines:
        function = _function(feature)
        refuse_options(feature.word, function, feature.options, len(series))
        feeds = [self._feeds[one] for one in series]
        whole = _call(function, feeds, feature)
        if self._verify:
            for share in _CUTS:
                self._compare(feature, function, feeds, whole, int(len(feeds[0]) * share))
        return whole

    @staticmethod
    def _compare(
        feature: Feature, function: Any, feeds: Sequence[Feed], whole: Lines, stop: int
    ) -> None:
        if stop < 1:
            return
        cut = _call(function, [feeds[0].upto(stop), *feeds[1:]], feature)
        for line, values in whole.items():
            one, other = values[:stop], cut[line]
            differ = np.flatnonzero((one != other) & ~(np.isnan(one) & np.isnan(other)))
            if len(differ):
                bar = int(differ[0])
                raise LookAhead(feature.word, bar, float(one[bar]), float(other[bar]))

    def regimes(
        self, name: str, options: Mapping[str, Any], series: tuple[str, str]
    ) -> list[str | None]:
        """Return the state that a classifier says at each bar; None where it cannot say yet."""
        key = (name, repr(sorted(options.items())), series)
        if key not in self._regimes:
            [asked] = configured({name: options}, get_host())
            feed = self._feeds[series]
            whole = _states(asked, feed)
            if self._verify:
                stop = int(len(feed) * _CUTS[1])
                cut = _states(asked, feed.upto(stop)) if stop else []
                for bar, state in enumerate(cut):
                    if state != whole[bar]:
                        raise LookAhead(name, bar, whole[bar], state)
            self._regimes[key] = whole
        return self._regimes[key]


def _states(asked: Configured, feed: Feed) -> list[str | None]:
    """Return the state at each bar; None before the first one that is known."""
    changes = changes_of(asked.classify, feed.columns, hysteresis_bars=asked.hysteresis_bars)
    states: list[str | None] = [None] * len(feed)
    at = [*changes.bar_index.tolist(), len(states)]
    for place, state in enumerate(changes.states):
        states[at[place] : at[place + 1]] = [state] * (at[place + 1] - at[place])
    return states


def _function(feature: Feature) -> Callable[..., Any]:
    if isinstance(feature.use, str):
        found: Callable[..., Any] = get_host().component("feature", feature.use)
        return found
    return feature.use


def _call(function: Callable[..., Any], feeds: Sequence[Feed], feature: Feature) -> Lines:
    """Return the lines of a feature; other symbols' bars as they were known at each bar."""
    own = feeds[0]
    others = []
    for feed in feeds[1:]:
        known = align_in_order(own.available_ns, feed.available_ns)
        there = known >= 0
        others.append(
            {n: np.where(there, c[np.maximum(known, 0)], np.nan) for n, c in feed.columns.items()}
        )
    with np.errstate(invalid="ignore", divide="ignore"):
        said = function(own.columns, *others, **feature.options)
    lines = said if isinstance(said, Mapping) else {"": said}
    made = {}
    for line, values in lines.items():
        array = np.asarray(values, dtype=np.float64)
        if array.shape != (len(own),):
            raise ConfigError(
                feature.word, array.shape, f"a feature has one value per bar, so {len(own)}"
            )
        array.flags.writeable = False
        made[str(line)] = array
    return made


def taken_options(function: Callable[..., Any], positional: int) -> dict[str, Any] | None:
    """Return the options that a function takes, with their defaults; None if it takes any."""
    parameters = list(inspect.signature(function).parameters.values())
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return None
    kinds = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return {p.name: p.default for p in parameters[positional:] if p.kind in kinds}


def refuse_options(
    word: str, function: Callable[..., Any], options: Mapping[str, Any], positional: int
) -> None:
    """Raise what is wrong with the options of a feature."""
    taken = taken_options(function, positional)
    if taken is None:
        return
    for name, value in options.items():
        if name not in taken:
            hint = did_you_mean(name, taken)
            have = "" if hint else f" It has {', '.join(taken) or 'none'}"
            raise ConfigError(name, value, f"{word} has no such option.{hint}{have}")
