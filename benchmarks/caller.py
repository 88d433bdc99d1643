"""What a signal costs whoever gives it, by durability and by how much is done for it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from benchmarks import baselines
from benchmarks.market import FIELDS, universe
from benchmarks.measuring import Timing, interleaved, timed
from benchmarks.recording import contexts, opened
from benchmarks.report import Figure, Report, Table
from capture.recorder.strategy import CaptureAwareStrategy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pyarrow as pa

    from benchmarks.sizes import Sizes

__all__ = ["run"]

_POOL: Final = 64
"""Different rows that are offered over and over, so that they are as warm as new values are."""

_KEPT: Final = {
    "memory": "nothing",
    "journal": "a killed process",
    "fsync": "a power cut",
}


@dataclass(frozen=True)
class _Way:
    """One way to keep a signal: what it is, what survives it, how many rows, what it costs."""

    depth: str
    survives: str
    rows: int
    seconds: Callable[[], float]

    def microseconds(self) -> float:
        """Return one sample: microseconds per signal."""
        return self.seconds() / self.rows * 1e6


class _Strategy:
    """A strategy that has its context ready, behind the getters that are looked for."""

    strategy_id = "bench"

    def __init__(self, signal: Mapping[str, Any], context: Mapping[str, Any]) -> None:
        self._signal = signal
        self._context = context

    def generate_signal(self, _market: Any) -> Mapping[str, Any]:
        return self._signal

    def get_indicators(self) -> Any:
        return self._context["indicators"]

    def get_portfolio_state(self) -> Any:
        return self._context["portfolio_state"]

    def get_risk_metrics(self) -> Any:
        return self._context["risk_metrics"]

    def get_active_risk_limits(self) -> Any:
        return self._context["active_risk_limits"]

    def get_current_position(self) -> Any:
        return self._context["current_position"]

    def get_available_capital(self) -> Any:
        return self._context["available_capital"]

    def get_current_regime(self) -> Any:
        return self._context["current_regime"]

    def get_regime_confidence(self) -> Any:
        return self._context["regime_confidence"]


def run(sizes: Sizes) -> Report:
    """Measure both tables."""
    signals = universe(_POOL, symbols=4).signals
    with TemporaryDirectory() as name:
        folder = Path(name)
        alone = _alone(sizes, signals, folder)
        all_in = _all_in(sizes, signals, folder)
    return Report("caller", (alone[0], all_in[0]), (alone[1], all_in[1]))


# --- the call alone ------------------------------------------------------------------------------


def _alone(sizes: Sizes, signals: pa.Table, folder: Path) -> tuple[Table, Figure]:
    ways = {**_ours(sizes, signals, folder), **_theirs(sizes, signals, folder)}
    timings = interleaved({n: way.microseconds for n, way in ways.items()}, sizes.caller_rounds)
    against = timings["Channel.append, journal"]
    rows = tuple(
        (name, way.depth, way.survives, way.rows, *_cells(timings[name], against))
        for name, way in ways.items()
    )
    table = Table(
        f"Caller time per signal of {len(FIELDS)} fields, without flush",
        ("way", "depth", "survives", "rows", "min us", "median us", "x Channel"),
        rows,
        (
            f"{sizes.caller_rounds} interleaved rounds; the last column is the ratio of the "
            "minima to `Channel.append` with the journal on.",
            "The rows are ready and warm for all; a flat dict for JSON and pandas, a tuple for "
            "the others. No block is full within the timed section, so nothing is flushed.",
            "`pandas.concat` copies the whole frame each time: its figure grows with the rows.",
        ),
    )
    figure = Figure(
        quantity="recorder, row already gathered, journal on (minimum)",
        measured=against.minimum,
        goal=1.2,
        unit="us",
        note=f"median {against.median:.2f}",
    )
    return table, figure


def _cells(timing: Timing, against: Timing) -> tuple[float, float, float]:
    return timing.minimum, timing.median, timing.minimum / against.minimum


def _ours(sizes: Sizes, signals: pa.Table, folder: Path) -> dict[str, _Way]:
    ways = {}
    depths = {
        "Channel.append": ("row gathered", _append),
        "capture_signal": ("dicts, every check", _capture_signal),
        "CaptureAwareStrategy": ("context asked for", _aware),
    }
    for name, (depth, measure) in depths.items():
        for durability, survives in _KEPT.items():
            rows = sizes.caller_slow_rows if durability == "fsync" else sizes.caller_rows
            seconds = partial(measure, signals, folder, durability, rows)
            ways[f"{name}, {durability}"] = _Way(depth, survives, rows, seconds)
    return ways


def _theirs(sizes: Sizes, signals: pa.Table, folder: Path) -> dict[str, _Way]:
    names = [f.name for f in FIELDS]
    flat = [_flat(row, names) for row in signals.to_pylist()]
    tuples = [tuple(row.values()) for row in flat]
    fast, slow = sizes.caller_rows, sizes.caller_slow_rows
    kept = baselines
    return {
        name: _Way("baseline", survives, rows, seconds)
        for name, survives, rows, seconds in (
            (
                "list.append(tuple)",
                "nothing",
                fast,
                partial(kept.tuples_in_a_list, _times(tuples, fast)),
            ),
            (
                "list.append(dict(row))",
                "nothing",
                fast,
                partial(kept.copied_dicts, _times(flat, fast)),
            ),
            (
                "csv.writer, buffered",
                "nothing",
                fast,
                partial(kept.csv_lines, _times(tuples, fast), folder),
            ),
            (
                "json.dumps line, buffered",
                "nothing",
                fast,
                partial(kept.json_lines, _times(flat, fast), folder, flushed=False),
            ),
            (
                "json.dumps line, flushed",
                "a killed process",
                fast,
                partial(kept.json_lines, _times(flat, fast), folder, flushed=True),
            ),
            (
                "SQLite, commit each, synchronous OFF",
                "a killed process",
                slow,
                partial(kept.sqlite_inserts, _times(tuples, slow), folder, synchronous="OFF"),
            ),
            (
                "SQLite, commit each, synchronous FULL",
                "a power cut",
                slow,
                partial(kept.sqlite_inserts, _times(tuples, slow), folder, synchronous="FULL"),
            ),
            (
                "pandas.concat each",
                "nothing",
                slow,
                partial(kept.pandas_concat, _times(flat, slow)),
            ),
        )
    }


def _flat(row: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """Return a row with its times as numbers, which is the cheapest for JSON and SQLite."""
    return {name: getattr(row[name], "value", row[name]) for name in names}


def _times(pool: Sequence[Any], count: int) -> list[Any]:
    return [pool[place % len(pool)] for place in range(count)]


def _append(signals: pa.Table, folder: Path, durability: str, count: int) -> float:
    with TemporaryDirectory(dir=folder) as store:
        fed = opened(Path(store), signals, backend="memory", **_unflushed(durability, count))
        rows, append = _times(fed.rows, count), fed.channel.append
        with timed() as watch:
            for row in rows:
                append(*row)
        fed.engine.close()
    return watch.seconds


def _capture_signal(signals: pa.Table, folder: Path, durability: str, count: int) -> float:
    with TemporaryDirectory(dir=folder) as store:
        fed = opened(Path(store), signals, backend="memory", **_unflushed(durability, count))
        pairs = _in_time(contexts(signals), count)
        record = fed.engine.capture_signal
        record(*pairs[0])  # declares the layout, as the first signal of a run does
        with timed() as watch:
            for signal, context in pairs:
                record(signal, context)
        fed.engine.close()
    return watch.seconds


def _aware(signals: pa.Table, folder: Path, durability: str, count: int) -> float:
    with TemporaryDirectory(dir=folder) as store:
        fed = opened(Path(store), signals, backend="memory", **_unflushed(durability, count))
        signal, context = contexts(signals)[0]
        strategy = CaptureAwareStrategy(_Strategy(signal, context), fed.engine)
        names = ("timestamp", "timeframe", "bar_index", "best_bid", "best_ask", "liquidity_score")
        market = {name: context[name] for name in names}
        market |= {"symbol": signal["symbol"], "current_bar": context["current_bar"]}
        ask = strategy.generate_signal
        ask(market)
        with timed() as watch:
            for _ in range(count):
                ask(market)
        fed.engine.close()
    return watch.seconds


def _in_time(pairs: Sequence[tuple[Any, Any]], count: int) -> list[tuple[Any, Any]]:
    """Return so many signals at the time of the last, because time must not run backwards."""
    latest = max(context["timestamp"] for _, context in pairs)
    for _, context in pairs:
        context["timestamp"] = context["available_time"] = latest
    return _times(pairs, count)


def _unflushed(durability: str, count: int) -> dict[str, Any]:
    """Return settings with which no block is full before the timed section ends."""
    return {"durability": durability, "buffer_size": max(count + 10, 1000)}


# --- with everything that follows ----------------------------------------------------------------


def _all_in(sizes: Sizes, signals: pa.Table, folder: Path) -> tuple[Table, Figure]:
    count = sizes.caller_rows * 2
    variants = {
        "Channel.append": partial(_flushed, signals, folder, count),
        "Channel.append, writer thread": partial(
            _flushed, signals, folder, count, asynchronous=True
        ),
    }
    parts: dict[str, list[tuple[float, float]]] = {name: [] for name in variants}

    def sample(name: str) -> float:
        captured, *others = variants[name]()
        parts[name].append((others[0], others[1]))
        return captured

    rounds = sizes.caller_rounds
    timings = interleaved({name: partial(sample, name) for name in variants}, rounds)
    rows = tuple(
        (name, timing.minimum, timing.median, *map(min, zip(*parts[name], strict=True)))
        for name, timing in timings.items()
    )
    table = Table(
        "Capture and flush, all in, per signal (journal, Parquet, blocks of 4,096)",
        ("way", "min us", "median us", "processor us", "seal us"),
        rows,
        (
            f"{rounds} interleaved rounds of {count:,} signals; capture, journal and the writing "
            "of blocks lie in the first figures, sealing at the end of the run is apart.",
            "The third is the processor's time, of all threads, which a busy machine disturbs "
            "least.",
        ),
    )
    measured = timings["Channel.append"]
    figure = Figure(
        quantity="capture and flush, all in, channel rows (minimum)",
        measured=measured.minimum,
        goal=2.5,
        unit="us",
        note=f"median {measured.median:.2f}, processor {rows[0][3]:.2f}; sealing apart",
    )
    return table, figure


def _flushed(
    signals: pa.Table, folder: Path, count: int, *, asynchronous: bool = False
) -> tuple[float, float, float]:
    """Return microseconds per signal to capture, of the processor meanwhile, and to seal."""
    with TemporaryDirectory(dir=folder) as store:
        fed = opened(Path(store), signals, asynchronous=asynchronous)
        rows, append = _times(fed.rows, count), fed.channel.append
        append(*rows[0])
        fed.engine.flush()  # loads what the backend needs
        with timed() as capturing:
            for row in rows:
                append(*row)
            fed.engine.flush()
        with timed() as sealing:
            fed.engine.close()
    spent = (capturing.seconds, capturing.busy_seconds, sealing.seconds)
    return spent[0] / count * 1e6, spent[1] / count * 1e6, spent[2] / count * 1e6
