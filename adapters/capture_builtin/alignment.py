"""Bars of several symbols and timeframes, brought together in time; never one before its close."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, get_args

import numpy as np

from capture.errors import ConfigError, InvalidEvent, UnknownName, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    Series = tuple[str, str]
    Whole = NDArray[np.int64]

__all__ = ["Frame", "Mode", "TimeAlignmentBuffer", "WhenFull", "moments_of"]

Mode = Literal["all", "any"]
WhenFull = Literal["drop_oldest", "raise"]

_NONE: Final = -1


class Frame(NamedTuple):
    """What was known of every series at a moment.

    Attributes:
        moment_ns: the moment: a bar became known then.
        bars: number of the last bar of each series that had closed by then; -1 for none.
        fresh: which of them closed at this very moment.
    """

    moment_ns: int
    bars: tuple[int, ...]
    fresh: tuple[bool, ...]


class TimeAlignmentBuffer:
    """Takes bars as they close, and gives frames: what was known of every series at a moment.

    In the mode "any" there is a frame at each moment at which a bar of any series closed; a series
    that has none at that moment stands with its last one. In the mode "all" there is a frame only
    at moments at which a bar of every series closed; a moment that a series has no bar for is
    counted in `incomplete` and gives none. With timeframes of one and five minutes that is every
    fifth minute.

    Bars of one series must come in order; series may run ahead of one another. A moment is given
    when every series has come so far that no bar of it can still arrive, or, in the mode "all",
    when all of its bars are there. Until then it waits, and at most `capacity` moments do. When one
    more comes, the oldest is given up (`when_full="drop_oldest"`: counted in `dropped`, and bars
    for it that come later are refused), or it is refused with an error (`when_full="raise"`).

    Example:
        ```python
        buffer = TimeAlignmentBuffer([("GOOG", "1min"), ("GOOG", "5min")], mode="all")
        for frame in buffer.push(("GOOG", "1min"), bar=0, available_ns=close_ns):
            ...
        ```

    Attributes:
        incomplete: moments that gave no frame, for a series had no bar then.
        dropped: moments that were given up because the buffer was full.
    """

    def __init__(
        self,
        series: Iterable[Series],
        mode: Mode = "any",
        *,
        capacity: int = 1024,
        when_full: WhenFull = "drop_oldest",
    ) -> None:
        """Wait for bars of these series.

        Args:
            series: symbol and timeframe of each.
            mode: "any" or "all".
            capacity: how many moments may wait.
            when_full: what happens when one more comes.
        """
        self.series: tuple[Series, ...] = tuple(series)
        for name, value, allowed in (("mode", mode, Mode), ("when_full", when_full, WhenFull)):
            if value not in get_args(allowed):
                words = get_args(allowed)
                hint = did_you_mean(str(value), words)
                raise ConfigError(name, value, f"choose one of {', '.join(words)}.{hint}")
        if not self.series or len(set(self.series)) != len(self.series):
            raise ConfigError("series", self.series, "name each series once, and at least one")
        if not isinstance(capacity, int) or isinstance(capacity, bool) or capacity < 1:
            raise ConfigError("capacity", capacity, "a whole number of at least 1 is needed")
        self.mode = mode
        self.incomplete = 0
        self.dropped = 0
        self._capacity = capacity
        self._raise = when_full == "raise"
        self._place = {name: place for place, name in enumerate(self.series)}
        self._times = [-(2**63)] * len(self.series)
        self._numbers = [_NONE] * len(self.series)
        self._last = [_NONE] * len(self.series)
        self._given = -(2**63)
        self._waiting: deque[int] = deque()
        self._bars: dict[int, dict[int, int]] = {}

    def __len__(self) -> int:
        """Return how many moments wait."""
        return len(self._waiting)

    def push(self, series: Series, bar: int, available_ns: int) -> list[Frame]:
        """Take a bar that has closed; return the frames that are ready now, oldest first.

        Args:
            series: symbol and timeframe.
            bar: number of the bar.
            available_ns: when it became known.

        Raises:
            UnknownName: the buffer does not wait for this series.
            InvalidEvent: the bar is not after the last one of its series, or its moment was given
                up, or the buffer is full and was told to raise.
        """
        place = self._place.get(series)
        if place is None:
            known = [" ".join(name) for name in self.series]
            raise UnknownName("series of this buffer", " ".join(map(str, series)), known)
        if available_ns <= self._times[place] or bar <= self._numbers[place]:
            raise InvalidEvent(
                "available_ns", available_ns, f"bar {bar} of {series} is not after the last one"
            )
        if available_ns <= self._given:
            raise InvalidEvent(
                "available_ns", available_ns, f"bar {bar} of {series} comes too late: its moment "
                "was given up, as the buffer was full; raise capacity"
            )  # fmt: skip
        found = self._make_room(available_ns)
        self._times[place], self._numbers[place] = available_ns, bar
        self._bars[available_ns][place] = bar
        return found + self._ready()

    def close(self) -> list[Frame]:
        """Return the frames of all that waits: no further bar comes."""
        self._times = [2**63 - 1] * len(self.series)
        return self._ready()

    def _make_room(self, moment: int) -> list[Frame]:
        """Let a moment wait, if it does not yet, in its place."""
        if moment in self._bars:
            return []
        found: list[Frame] = []
        if len(self._waiting) >= self._capacity:
            if self._raise:
                raise InvalidEvent(
                    "capacity", self._capacity, "so many moments wait; raise it, or bring the "
                    "series' bars closer together"
                )  # fmt: skip
            found = self._give_up(moment)
        self._bars[moment] = {}
        waiting = self._waiting
        if not waiting or moment > waiting[-1]:
            waiting.append(moment)
        else:
            later = [waiting.pop()]
            while waiting and waiting[-1] > moment:
                later.append(waiting.pop())
            waiting.append(moment)
            waiting.extend(reversed(later))
        return found

    def _give_up(self, coming: int) -> list[Frame]:
        oldest = self._waiting[0]
        if coming < oldest:
            raise InvalidEvent(
                "available_ns", coming, "is before all that waits, and the buffer is full"
            )
        self._waiting.popleft()
        self._take(oldest, self._bars.pop(oldest))
        self.dropped += 1
        return []

    def _ready(self) -> list[Frame]:
        """Return the frames of moments for which nothing more can come."""
        found: list[Frame] = []
        passed, width = min(self._times), len(self.series)
        while self._waiting:
            moment = self._waiting[0]
            if moment > passed and not (self.mode == "all" and len(self._bars[moment]) == width):
                break
            self._waiting.popleft()
            bars = self._bars.pop(moment)
            self._take(moment, bars)
            if self.mode == "all" and len(bars) < width:
                self.incomplete += 1
            else:
                fresh = tuple(place in bars for place in range(width))
                found.append(Frame(moment, tuple(self._last), fresh))
        return found

    def _take(self, moment: int, bars: Mapping[int, int]) -> None:
        self._given = moment
        for place, bar in bars.items():
            self._last[place] = bar


def moments_of(
    available_ns: Sequence[Whole], mode: Mode, *, chunk: int = 65_536
) -> Iterator[tuple[Whole, Whole, NDArray[np.bool_]]]:
    """Yield the frames of whole series at once, as the buffer gives them one by one.

    It holds a chunk of moments at a time, whatever the number of bars.

    Args:
        available_ns: when each bar of each series became known, in order.
        mode: "any" or "all".
        chunk: so many moments at most are yielded at once.

    Yields:
        Moments; the last known bar of each series (a column each); which of them are fresh.
    """
    moments = np.unique(np.concatenate([np.asarray(times) for times in available_ns]))
    for first in range(0, len(moments), chunk):
        here = moments[first : first + chunk]
        bars = np.empty((len(here), len(available_ns)), np.int64)
        fresh = np.empty(bars.shape, bool)
        for place, times in enumerate(available_ns):
            known = np.searchsorted(times, here, side="right") - 1
            bars[:, place] = known
            fresh[:, place] = (known >= 0) & (times[np.maximum(known, 0)] == here)
        kept = fresh.all(axis=1) if mode == "all" else slice(None)
        yield here[kept], bars[kept], fresh[kept]
