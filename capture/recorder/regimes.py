"""Regimes of the bars that a part reads: classified while it is recorded, changes alone kept."""

from __future__ import annotations

from collections import deque
from dataclasses import is_dataclass, replace
from math import nan
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa

from capture.classifying import RegimeWatch, changes_of
from capture.errors import ConfigError, did_you_mean
from capture.journal import NULL_FLOAT, NULL_INT, Field

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from capture.classifying import Change
    from capture.contracts.classifier import Bars, Classifier
    from capture.host import Host
    from capture.recorder.parts import OpenPart

__all__ = ["Configured", "Regimes", "configured"]

_ROW: Final = (
    Field("symbol", "word"),
    Field("timeframe", "word"),
    Field("bar_index", "int"),
    Field("timestamp", "time"),
    Field("classifier", "word"),
    Field("old", "word"),
    Field("new", "word"),
    Field("confidence", "float"),
)
_HYSTERESIS: Final = "hysteresis_bars"
_WHERE: Final = "classify"
_READ: Final = ("open", "high", "low", "close", "volume")


class Configured(NamedTuple):
    """A classifier as the settings ask for it."""

    name: str
    classify: Classifier
    hysteresis_bars: int


def configured(classifiers: Any, host: Host) -> tuple[Configured, ...]:
    """Return the classifiers that the settings name, with their options.

    Args:
        classifiers: by name a mapping of options, or the user's own classifier.
        host: knows the classifiers of plugins.
    """
    found = []
    for name, said in classifiers.items():
        if name == "confidence" or not name.isidentifier():
            raise ConfigError("classifiers", name, "is not a name that a column can have")
        if callable(said):
            found.append(Configured(name, said, 0))
            continue
        options = dict(said)
        bars = options.pop(_HYSTERESIS, 0)
        if isinstance(bars, bool) or not isinstance(bars, int) or bars < 0:
            raise ConfigError(f"{name}.{_HYSTERESIS}", bars, "a whole number from 0 on is needed")
        own = options.pop("classifier", None)
        classify = host.classifier(name) if own is None else own
        found.append(Configured(name, _with(name, classify, options), bars))
    return tuple(found)


def _with(name: str, classifier: Any, options: Mapping[str, Any]) -> Any:
    if not options:
        return classifier
    known = getattr(classifier, "__dataclass_fields__", ()) if is_dataclass(classifier) else ()
    for option, value in options.items():
        if option not in known:
            hint = did_you_mean(option, known) if known else ""
            raise ConfigError(
                f"{name}.{option}", value, f"the classifier has no such option.{hint}"
            )
    return replace(classifier, **options)


class _Pending(NamedTuple):
    """Changes of one series that observers have not heard of: their bars have not come yet."""

    changes: deque[tuple[int, tuple[Any, ...]]]
    symbol: str
    timeframe: str


class Regimes:
    """Records the changes of regime of one part."""

    def __init__(self, part: OpenPart, classifiers: tuple[Configured, ...]) -> None:
        """Record what these classifiers say of the bars that come."""
        self._part = part
        self._classifiers = classifiers
        self._pending: list[_Pending] = []
        self._watches: dict[tuple[str, str], tuple[int, list[RegimeWatch]]] = {}
        self._told: Callable[..., int] | None = None
        self._untold: Callable[..., int] | None = None

    @property
    def watching(self) -> bool:
        """Whether bars are classified at all."""
        return bool(self._classifiers)

    # --- bars that are known from the beginning ----------------------------------------------

    def add_bars(self, bars: pa.Table, *, symbol: str, timeframe: str) -> None:
        """Classify a series of bars, and record where the regime changes.

        Observers hear of a change when its bar comes, and never before.
        """
        columns, times = _numbers(bars), _times(bars)
        rows = [
            row
            for one in self._classifiers
            for row in self._rows_of(one, columns, times, symbol=symbol, timeframe=timeframe)
        ]
        rows.sort(key=lambda row: row[0])
        if self._part.observer("regimes") is None:
            self._write([row for _, row in rows])
        else:
            self._pending.append(_Pending(deque(rows), symbol, timeframe))

    def _rows_of(
        self, one: Configured, columns: Bars, times: Any, *, symbol: str, timeframe: str
    ) -> list[tuple[int, tuple[Any, ...]]]:
        watched = self._part.failures.watch(one.name)
        try:
            changes = changes_of(one.classify, columns, hysteresis_bars=one.hysteresis_bars)
        except Exception as exc:
            if not self._part.failures.caught(watched, _WHERE, exc):
                raise
            return []
        found = (changes[place] for place in range(len(changes)))
        return [
            (c.bar_index, self._row(symbol, timeframe, int(times[c.bar_index]), one.name, c))
            for c in found
        ]

    def heard(self, observe: Callable[[Any], None] | None) -> Callable[[Any], None] | None:
        """Return who hears of bars: also the regimes, while somebody waits for their changes."""
        if not self._pending:
            return observe

        def bar(event: Any) -> None:
            self._reach(event)
            if observe is not None:
                observe(event)

        return bar

    def _reach(self, event: Any) -> None:
        bar = event.bar_index
        for waiting in self._pending:
            changes = waiting.changes
            mine = len(self._pending) == 1 or (
                event.symbol == waiting.symbol and event.timeframe == waiting.timeframe
            )
            while mine and changes and changes[0][0] <= bar:
                self._append(*changes.popleft()[1])

    def finish(self) -> None:
        """Record what nobody could be told of, because the run never came there."""
        for waiting in self._pending:
            self._write([row for _, row in waiting.changes])
            waiting.changes.clear()

    # --- bars that come one by one -----------------------------------------------------------

    def hear(self, bar: Mapping[str, Any]) -> None:
        """Take a bar that was recorded, and record the changes of regime that it brings."""
        symbol, timeframe = bar["symbol"], bar["timeframe"] or ""
        count, watches = self._watches.get((symbol, timeframe)) or (0, self._watch())
        self._watches[symbol, timeframe] = (count + 1, watches)
        index = count if bar["bar_index"] is None else bar["bar_index"]
        values = {name: nan if bar[name] is None else bar[name] for name in _READ}
        for one, watch in zip(self._classifiers, watches, strict=True):
            change = self._change(one.name, watch, index, values)
            if change is not None:
                time_ns = NULL_INT if bar["timestamp"] is None else bar["timestamp"].value
                self._append(*self._row(symbol, timeframe, time_ns, one.name, change))

    def _change(
        self, name: str, watch: RegimeWatch, index: int, values: Mapping[str, float]
    ) -> Change | None:
        """Ask a classifier about a bar; one that failed is not asked again."""
        watched = self._part.failures.watch(name)
        if watched.disabled:
            return None
        try:
            return watch.bar(index, values)
        except Exception as exc:
            if not self._part.failures.caught(watched, _WHERE, exc):
                raise
            return None

    def _watch(self) -> list[RegimeWatch]:
        return [
            RegimeWatch(one.classify, hysteresis_bars=one.hysteresis_bars)
            for one in self._classifiers
        ]

    # --- rows --------------------------------------------------------------------------------

    def _row(
        self, symbol: str, timeframe: str, time_ns: int, classifier: str, change: Change
    ) -> tuple[Any, ...]:
        word = self._part.journal.word
        sure = NULL_FLOAT if change.confidence is None else change.confidence
        return (
            word(symbol),
            word(timeframe or None),
            change.bar_index,
            time_ns,
            word(classifier),
            word(change.old),
            word(change.new),
            sure,
        )

    def _append(self, *row: Any) -> None:
        """Record a change and tell observers of it."""
        if self._told is None:
            self._told = self._part.channel("regimes", _ROW, constants={}, late=None).append
        self._told(*row)

    def _write(self, rows: list[tuple[Any, ...]]) -> None:
        """Record changes that nobody is told of."""
        if not rows:
            return
        if self._untold is None:
            layout = self._part.channel("regimes", _ROW, constants={}, late=None).layout
            self._untold = self._part.journal.appender(layout)
        for row in rows:
            self._untold(*row)


def _numbers(bars: pa.Table) -> dict[str, Any]:
    """Return the columns of bars that are numbers, as a classifier reads them."""
    return {
        name: bars.column(name).to_numpy().astype(np.float64, copy=False)
        for name in bars.column_names
        if pa.types.is_floating(bars.schema.field(name).type)
        or pa.types.is_integer(bars.schema.field(name).type)
    }


def _times(bars: pa.Table) -> Any:
    """Return the labels of bars in nanoseconds, null where they are only numbered."""
    if "timestamp" not in bars.column_names or bars.column("timestamp").null_count:
        return np.full(bars.num_rows, NULL_INT)
    return bars.column("timestamp").cast(pa.timestamp("ns", tz="UTC")).cast(pa.int64()).to_numpy()
