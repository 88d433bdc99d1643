"""Many settings over stored signals: full backtests, vectorbt, events, and the sparse replay."""

from __future__ import annotations

from functools import partial
from importlib.util import find_spec
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

from benchmarks.measuring import interleaved
from benchmarks.report import Figure, Report, Table
from benchmarks.sweep_rivals import backtesting_seconds, events_seconds, vectorbt_seconds
from benchmarks.sweep_world import World, portfolios, world
from capture.study.objectives import DEFAULT, objective
from capture.study.portfolio.sparse import SparseReplay

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.sizes import Sizes
    from capture.study.portfolio.settings import PortfolioSettings

__all__ = ["run"]

_ENGINES: Final = ("numba", "numpy") if find_spec("numba") else ("numpy",)
_FACTORS: Final = (0.25, 1, 4)


def run(sizes: Sizes) -> Report:
    """Measure final value and exact per-bar drawdown, like for like, and what makes them dearer."""
    made = world(sizes.sweep_bars, sizes.sweep_signals)
    settings = portfolios(sizes.sweep_settings)
    first, prepared = _first(made, settings)
    ways = {
        "sparse, numba, 1 thread": partial(_trade, prepared, settings, "numba", 1),
        "sparse, numba": partial(_trade, prepared, settings, "numba", None),
        "sparse, numba, all objectives": partial(_judge, prepared, settings),
        "sparse, NumPy": partial(_trade, prepared, settings, "numpy", None),
    }
    mine = {
        name: timing.minimum
        for name, timing in interleaved(
            {n: way for n, way in ways.items() if "numba" in _ENGINES or "numba" not in n},
            sizes.sweep_rounds,
        ).items()
    }
    rivals = _rivals(made, settings, prepared, sizes)
    best = mine.get("sparse, numba", min(mine.values()))
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
        ("way", "settings measured", "s for all", "times the replay", "beside it"),
        tuple(rows),
        (
            "Where fewer settings were measured than there are, the seconds are scaled up.",
            "vectorbt fills the orders that the sparse replay filled; the values agree, and so do "
            "those of Backtesting.py and of the event-driven replay: the benchmark refuses to go "
            "on if they do not.",
            f"Paid once: preparing signals and bars {first['prepare'] * 1e3:.0f} ms. Compiling "
            "takes about 10 s, once per machine; numba keeps it on disk. The first call in this process "
            f"took {first['compile']:.1f} s.",
        ),
    )
    return Report("sweep", (table, _growth(sizes)), _figures(mine, rivals, best))


def _first(
    made: World, settings: Sequence[PortfolioSettings]
) -> tuple[dict[str, float], SparseReplay]:
    started = perf_counter()
    prepared = SparseReplay(made.market, made.signals)
    prepared.schedule("next_open")
    ready = perf_counter()
    prepared.trade(settings[:1])
    return {"prepare": ready - started, "compile": perf_counter() - ready}, prepared


def _trade(
    prepared: SparseReplay,
    settings: Sequence[PortfolioSettings],
    engine: Any,
    threads: int | None,
) -> float:
    started = perf_counter()
    prepared.trade(settings, engine=engine, threads=threads)
    return perf_counter() - started


def _judge(prepared: SparseReplay, settings: Sequence[PortfolioSettings]) -> float:
    started = perf_counter()
    performance = prepared.trade(settings).performance
    for name in DEFAULT:
        objective(name).of(performance)
    return perf_counter() - started


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
            ways = {
                engine: partial(_trade, prepared, settings, engine, 1)
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
        ("One thread; minima. Drawdown is exact, over every bar.",),
    )


def _figures(
    mine: dict[str, float], rivals: dict[str, tuple[int, float, str]], best: float
) -> tuple[Figure, ...]:
    full = rivals["vectorbt, full bars"][1]
    sparse = rivals["vectorbt, sparse rows"][1]
    slowest = rivals["Backtesting.py"][1]
    return (
        Figure(quantity="sparse replay, final value and exact drawdown", measured=best * 1e3,
               goal=100.0, unit="ms"),
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
