"""How much each benchmark does: the full set, a quick look, and as little as a test needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["FULL", "QUICK", "TINY", "Sizes"]


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """Counts of rows and repeats.

    Attributes:
        caller_rows: rows per timed section of a fast way to keep a signal.
        caller_slow_rows: the same where each row waits for a disk or copies what came before.
        caller_rounds: interleaved rounds.
        latency_calls: calls timed one by one.
        memory_rows: signals after which the growth of memory is read.
        memory_synced_rows: the same with durability fsync.
        processes: processes that are asked for each reading of memory and of import times.
        disk_rows: signals written to each backend.
        run_bars: bars of a backtest; a slow host has fewer.
        run_rounds: interleaved rounds of each kind of backtest; a quick host has more.
        instruction_bars: bars of a backtest whose instructions are counted.
        instruction_cases: how many backtests they are counted of, at most.
        replay_bars: bars of a backtest that is replayed.
        replay_rounds: rounds of the original and its replay.
        load_rows: signals in the store that is searched.
        load_json_rows: the same for JSON lines, which has to read every line.
        load_rounds: interleaved rounds of each query.
        index_bars: bars under the sparse index.
        index_sets: parameter sets over them.
        index_changes: changes of regime.
        index_rows: bars or signals that are asked about at once.
        index_ranges: ranges of bars that signals are filtered by.
        index_rounds: interleaved rounds of each way to ask.
        report_signals: signals in the recording that a report is made of.
        delivery_signals: signals that are logged, and delivered.
        delivery_rounds: interleaved rounds of each way to deliver.
        lifecycle_rows: signals saved in a database, per timed section.
        lifecycle_rounds: interleaved rounds of each way to save them.
        executor_tasks: tasks that do nothing, in chunks; a tenth of them one by one.
        executor_busy_tasks: tasks that take some time.
        executor_rounds: interleaved rounds over the executors.
        sweep_bars: one-minute bars under a sweep.
        sweep_signals: signals on them.
        sweep_settings: settings that trade them.
        sweep_sample: settings that are measured of what takes long.
        sweep_columns: settings that are measured of vectorbt.
        sweep_rounds: interleaved rounds of the sparse replay.
        pattern_rows: rows that frequent itemsets are looked for in.
        pattern_signals: signals that are searched for patterns as a whole.
        pattern_seeds: markets without a pattern.
    """

    caller_rows: int
    caller_slow_rows: int
    caller_rounds: int
    latency_calls: int
    memory_rows: tuple[int, ...]
    memory_synced_rows: int
    processes: int
    disk_rows: int
    run_bars: int
    run_rounds: int
    instruction_bars: int
    instruction_cases: int
    replay_bars: int
    replay_rounds: int
    load_rows: int
    load_json_rows: int
    load_rounds: int
    index_bars: int
    index_sets: int
    index_changes: int
    index_rows: int
    index_ranges: int
    index_rounds: int
    report_signals: int
    delivery_signals: int
    delivery_rounds: int
    lifecycle_rows: int
    lifecycle_rounds: int
    executor_tasks: int
    executor_busy_tasks: int
    executor_rounds: int
    sweep_bars: int
    sweep_signals: int
    sweep_settings: int
    sweep_sample: int
    sweep_columns: int
    sweep_rounds: int
    pattern_rows: int
    pattern_signals: int
    pattern_seeds: int


FULL: Final = Sizes(
    caller_rows=20_000,
    caller_slow_rows=200,
    caller_rounds=7,
    latency_calls=200_000,
    memory_rows=(100_000, 1_000_000),
    memory_synced_rows=10_000,
    processes=3,
    disk_rows=100_000,
    run_bars=50_000,
    run_rounds=4,
    instruction_bars=600,
    instruction_cases=99,
    replay_bars=2_000,
    replay_rounds=2,
    load_rows=1_000_000,
    load_json_rows=100_000,
    load_rounds=5,
    index_bars=97_500,
    index_sets=500,
    index_changes=200,
    index_rows=1_000_000,
    index_ranges=10_000,
    index_rounds=5,
    report_signals=10_000,
    delivery_signals=2_000,
    delivery_rounds=3,
    lifecycle_rows=500,
    lifecycle_rounds=3,
    executor_tasks=5_000,
    executor_busy_tasks=100,
    executor_rounds=5,
    sweep_bars=97_500,
    sweep_signals=5_000,
    sweep_settings=500,
    sweep_sample=3,
    sweep_columns=100,
    sweep_rounds=5,
    pattern_rows=100_000,
    pattern_signals=20_000,
    pattern_seeds=200,
)
QUICK: Final = Sizes(
    caller_rows=5_000,
    caller_slow_rows=50,
    caller_rounds=3,
    latency_calls=30_000,
    memory_rows=(100_000,),
    memory_synced_rows=2_000,
    processes=1,
    disk_rows=20_000,
    run_bars=10_000,
    run_rounds=3,
    instruction_bars=300,
    instruction_cases=1,
    replay_bars=1_000,
    replay_rounds=1,
    load_rows=50_000,
    load_json_rows=5_000,
    load_rounds=3,
    index_bars=97_500,
    index_sets=50,
    index_changes=200,
    index_rows=1_000_000,
    index_ranges=10_000,
    index_rounds=3,
    report_signals=10_000,
    delivery_signals=500,
    delivery_rounds=2,
    lifecycle_rows=200,
    lifecycle_rounds=2,
    executor_tasks=2_000,
    executor_busy_tasks=40,
    executor_rounds=3,
    sweep_bars=97_500,
    sweep_signals=5_000,
    sweep_settings=500,
    sweep_sample=1,
    sweep_columns=50,
    sweep_rounds=3,
    pattern_rows=10_000,
    pattern_signals=5_000,
    pattern_seeds=40,
)
TINY: Final = Sizes(
    caller_rows=60,
    caller_slow_rows=3,
    caller_rounds=2,
    latency_calls=300,
    memory_rows=(500,),
    memory_synced_rows=20,
    processes=1,
    disk_rows=500,
    run_bars=300,
    run_rounds=1,
    instruction_bars=50,
    instruction_cases=1,
    replay_bars=100,
    replay_rounds=1,
    load_rows=2_000,
    load_json_rows=500,
    load_rounds=2,
    index_bars=2_000,
    index_sets=5,
    index_changes=20,
    index_rows=5_000,
    index_ranges=50,
    index_rounds=2,
    report_signals=500,
    delivery_signals=30,
    delivery_rounds=1,
    lifecycle_rows=20,
    lifecycle_rounds=1,
    executor_tasks=20,
    executor_busy_tasks=4,
    executor_rounds=1,
    sweep_bars=500,
    sweep_signals=40,
    sweep_settings=30,
    sweep_sample=1,
    sweep_columns=10,
    sweep_rounds=1,
    pattern_rows=500,
    pattern_signals=200,
    pattern_seeds=2,
)
