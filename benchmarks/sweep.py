"""Many settings over stored signals: full backtests, vectorbt, events, and the sparse replay."""

from __future__ import annotations

from functools import partial
from importlib.util import find_spec
from time import perf_counter, process_time
from typing import TYPE_CHECKING, Final

from benchmarks.measuring import interleaved
from benchmarks.report import Figure, Report, Table
from benchmarks.sweep_rivals import backtesting_seconds, events_seconds, vectorbt_seconds
from benchmarks.sweep_world import World, portfolios, world
from capture.study.objectives import DEFAULT, objective
from capture.study.portfolio.sparse import SparseReplay

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.sizes import Sizes
    from capture.study.portfolio.settings import PortfolioSettings
    from capture.study.portfolio.sparse import Engine

__all__ = ["run"]

_ENGINES: Final[tuple[Engine, ...]] = ("numba", "numpy") if find_spec("numba") else ("numpy",)
_WORDS: Final = {"numba": "numba", "numpy": "NumPy"}
_FACTORS: Final = (0.25, 1, 4)


def run(sizes: Sizes) -> Report:
    """Measure final value and exact per-bar drawdown, like for like, and what makes them dearer."""
    made = world(sizes.sweep_bars, sizes.sweep_signals)
    settings = portfolios(sizes.sweep_settings)
    first, prepared = _first(made, settings)
    ways: dict[str, Callable[[], float]] = {
        f"sparse, {_WORDS[engine]}": partial(_trade, prepared, settings, engine)
        for engine in _ENGINES
    }
    ways["sparse, and all objectives"] = partial(_judge, prepared, settings)
    taken = interleaved(ways, sizes.sweep_rounds)
    mine = {name: timing.minimum for name, timing in taken.items()}
    clock_ms = min(_by_the_clock(prepared, settings) for _ in range(sizes.sweep_rounds)) * 1e3
    rivals = _rivals(made, settings, prepared, sizes)
    best = mine[f"sparse, {_WORDS[_ENGINES[0]]}"]
    rows = [
        (name, measured, seconds, seconds / best, said)
        for name, (measured, seconds, said) in rivals.items()
    ]
    rows += [(name, len(settings), taken, taken / best, "") for name, taken in mine.items()]
    title = (
        f"{len(settings)} settings x {len(made.signals):,} signals x {len(made.frame):,} bars: "
        "final value and exact drawdown"
    )
    table = Table(
        title,
        ("way", "settings measured", "processor s for all", "times the replay", "beside it"),
        tuple(rows),
        (
            "Seconds of a processor, for the machine is shared; the ways of the sparse replay are "
            "minima in one thread.",
            "Where fewer settings were measured than there are, the seconds are scaled up.",
            "vectorbt fills the orders that the sparse replay filled; the values agree, and so do "
            "those of Backtesting.py and of the event-driven replay: the benchmark refuses to go "
            "on if they do not.",
            f"Paid once: preparing signals and bars {first['prepare'] * 1e3:.0f} ms; compiling, "
            "some 10 s once per machine, for numba keeps it on disk. The first call in this "
            f"process took {first['compile']:.1f} s.",
        ),
    )
    return Report("sweep", (table, _growth(sizes)), _figures(mine, rivals, best, clock_ms))


def _first(
    made: World, settings: Sequence[PortfolioSettings]
) -> tuple[dict[str, float], SparseReplay]:
    started = perf_counter()
    prepared = SparseReplay(made.market, made.signals)
    prepared.schedule("next_open")
    ready = perf_counter()
    prepared.trade(settings[:1], engine="numba")
    return {"prepare": ready - started, "compile": perf_counter() - ready}, prepared


def _trade(prepared: SparseReplay, settings: Sequence[PortfolioSettings], engine: Engine) -> float:
    """Return seconds of a processor, in one thread."""
    started = process_time()
    prepared.trade(settings, engine=engine, threads=1)
    return process_time() - started


def _by_the_clock(prepared: SparseReplay, settings: Sequence[PortfolioSettings]) -> float:
    """Return seconds by the clock, in as many threads as there are processors."""
    started = perf_counter()
    prepared.trade(settings)
    return perf_counter() - started


def _judge(prepared: SparseReplay, settings: Sequence[PortfolioSettings]) -> float:
    """Return seconds of a processor, all objectives included."""
    started = process_time()
    performance = prepared.trade(settings, threads=1).performance
    for name in DEFAULT:
        objective(name).of(performance)
    return process_time() - started


def _rivals(
    made: World,
    settings: Sequence[PortfolioSettings],
    prepared: SparseReplay,
    sizes: Sizes,
) -> dict[str, tuple[int, float, str]]:
    """Return how many settings were measured, seconds for all of them, and what is to be said."""
    found: dict[str, tuple[int, float, str]] = {}
    many = len(settings)
    performance = prepared.trade(settings).performance
    plain = [row for row, one in enumerate(settings) if not one.slippage_fraction]
    few = plain[:: max(1, len(plain) // sizes.sweep_sample)][: sizes.sweep_sample]
    taken = backtesting_seconds(made, settings, few, performance)
    found["Backtesting.py"] = len(few), taken / len(few) * many, "a full backtest each"
    taken = events_seconds(made, settings, few, performance)
    found["event-driven replay"] = len(few), taken / len(few) * many, "built-in backtester"
    some = list(range(0, many, max(1, many // sizes.sweep_columns)))[: sizes.sweep_columns]
    for rows in ("full bars", "sparse rows"):
        parts = vectorbt_seconds(
            made, settings, some, prepared, performance, sparse=rows != "full bars"
        )
        said = ", ".join(f"{name} {part / len(some) * many:.2f}" for name, part in parts.items())
        if rows == "sparse rows":
            said += "; its drawdown misses what lies between orders"
        found[f"vectorbt, {rows}"] = len(some), sum(parts.values()) / len(some) * many, said
    return found


def _growth(sizes: Sizes) -> Table:
    """Return how seconds grow with settings, signals and bars."""
    rows = []
    for what in ("settings", "signals", "bars"):
        for factor in _FACTORS:
            of = {"settings": sizes.sweep_settings, "signals": sizes.sweep_signals}
            of["bars"] = sizes.sweep_bars
            of[what] = max(4, int(of[what] * factor))
            made = world(of["bars"], min(of["signals"], of["bars"] // 2))
            prepared, settings = SparseReplay(made.market, made.signals), portfolios(of["settings"])
            prepared.schedule("next_open")
            ways: dict[str, Callable[[], float]] = {
                engine: partial(_trade, prepared, settings, engine)
                for engine in _ENGINES
                if engine == "numba" or factor <= 1
            }
            taken = interleaved(ways, sizes.sweep_rounds)
            times = [taken[e].minimum * 1e3 if e in taken else None for e in ("numba", "numpy")]
            rows.append((what, of["settings"], len(made.signals), len(made.frame), *times))
    return Table(
        "What makes the sparse replay dearer",
        ("changed", "settings", "signals", "bars", "numba ms", "NumPy ms"),
        tuple(rows),
        ("One thread, a processor's time; minima. Drawdown is exact, over every bar.",),
    )


def _figures(
    mine: dict[str, float],
    rivals: dict[str, tuple[int, float, str]],
    best: float,
    clock_ms: float,
) -> tuple[Figure, ...]:
    full = rivals["vectorbt, full bars"][1]
    sparse = rivals["vectorbt, sparse rows"][1]
    slowest = rivals["Backtesting.py"][1]
    return (
        Figure(quantity="sparse replay, final value and exact drawdown, one thread",
               measured=best * 1e3, goal=100.0, unit="ms",
               note="of a processor, which is what a busy machine can tell; "
                    f"by the clock, all threads {clock_ms:.0f}"),
        Figure(quantity="sparse replay, of the time of full backtests in Backtesting.py",
               measured=best / slowest * 1e3, goal=1.0, unit="per mille",
               note=f"{slowest / best:,.0f} times as fast"),
        Figure(quantity="sparse replay, of the time of vectorbt on full bars",
               measured=best / full * 1e3, goal=5.0, unit="per mille",
               note=f"{full / best:,.0f} times as fast"),
        Figure(quantity="sparse replay, of the time of vectorbt on sparse rows",
               measured=best / sparse * 1e3, goal=1000.0, unit="per mille",
               note=f"{sparse / best:,.0f} times as fast; without numba "
                    f"{sparse / mine['sparse, NumPy']:.2g} times"),
    )  # fmt: skip
