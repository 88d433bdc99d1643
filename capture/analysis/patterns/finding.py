"""`find`: mine, test, confirm, and keep of the patterns that say the same the clearest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from capture.analysis.inference import Times, contrast_of
from capture.analysis.material import Material, material_of
from capture.analysis.patterns.attributes import attributes
from capture.analysis.patterns.items import Items, items_of
from capture.analysis.patterns.mining import frequent_itemsets, packed
from capture.analysis.patterns.outcomes import Outcomes, outcomes_of
from capture.analysis.patterns.report import PatternReport, SignalPattern
from capture.analysis.patterns.search import Search
from capture.analysis.patterns.sliding import Slides, slide_test, welch

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from capture.analysis.inference import Estimate

    Wholes = NDArray[np.int64]
    Flags = NDArray[np.bool_]

__all__ = ["find"]

_FEWEST: Final = 15
"""A pattern holds for so many signals at least, and does not hold for as many."""


def find(source: Any, **settings: Any) -> PatternReport:
    """Find what signals that did well, or badly, have in common.

    Args:
        source: a `Material`, or what one can be made of: a recording, several, a store.
        **settings: how to search, `min_support=0.05` and `horizon_bars=5` among them: the fields
            of `Search`.

    Raises:
        ConfigError: a setting has a value that it cannot have.
    """
    search = Search(**settings)
    material = source if isinstance(source, Material) else material_of(source)
    outcomes = outcomes_of(material, search.horizon_bars, search.entry, search.holdout)
    known = attributes(material.signals, outcomes.placed, outcomes.rows, search.lookback)
    items = items_of(known, outcomes.earlier, search.bins)
    tried, untested = _mined(items, outcomes.earlier, search)
    bits = _bits_of(items.table[outcomes.earlier], tried)
    tested = slide_test(bits, outcomes, search.slides, np.random.default_rng(search.seed))
    chosen, contradicted, redundant = _chosen(items, tried, tested, outcomes, search.alpha)
    dropped = sum(outcomes.dropped.values())
    every = dropped + len(outcomes.rows) + outcomes.purged
    return PatternReport(
        patterns=tuple(_pattern(items, tried[n], n, tested, outcomes) for n in chosen),
        tried=len(tried),
        untested=untested,
        signals=int(outcomes.earlier.sum()),
        later_signals=int((~outcomes.earlier).sum()),
        min_support=search.min_support,
        horizon_bars=search.horizon_bars,
        entry=outcomes.entry,
        alpha=search.alpha,
        slides=tested.count,
        contradicted=contradicted,
        redundant=redundant,
        dropped=outcomes.dropped,
        dropped_share=dropped / every if every else 0.0,
        flat=outcomes.flat,
        purged=outcomes.purged,
        left_out=items.left_out,
    )


def _mined(items: Items, earlier: Flags, search: Search) -> tuple[list[tuple[int, ...]], int]:
    """Return the patterns to test; of those that hold for the same signals, the shortest."""
    table, most = items.table[earlier], search.max_patterns
    if len(table) < 2 * _FEWEST:
        return [], 0
    least = max(search.min_support, _FEWEST / len(table))
    found = frequent_itemsets(table, least, max_length=search.max_length, groups=items.groups)
    fit = np.flatnonzero(found.counts <= len(table) - _FEWEST)
    lengths = np.array([len(one) for one in found.items], int)
    order = fit[np.lexsort((lengths[fit], -found.counts[fit]))].tolist()
    sets = [found.items[n] for n in order[: 2 * most]]
    _, first = np.unique(_bits_of(table, sets), axis=0, return_index=True)
    kept = [sets[n] for n in sorted(first.tolist())]
    return kept[:most], max(len(order) - 2 * most, 0) + max(len(kept) - most, 0)


def _bits_of(table: Flags, sets: list[tuple[int, ...]]) -> NDArray[np.uint64]:
    """Return one row of bits per set: where all its items hold."""
    single = packed(table)
    bits = np.empty((len(sets), single.shape[1]), np.uint64)
    for number, one in enumerate(sets):
        np.bitwise_and.reduce(single[list(one)], axis=0, out=bits[number])
    return bits


def _chosen(
    items: Items,
    tried: list[tuple[int, ...]],
    tested: Slides,
    outcomes: Outcomes,
    alpha: float,
) -> tuple[list[int], int, int]:
    """Return the patterns to report, the clearest first, and how many are left out, and why.

    A pattern is redundant if its signals that no clearer pattern holds for are like the others.
    """
    clear = np.flatnonzero(tested.adjusted <= alpha)
    clear = clear[np.argsort(-np.abs(tested.score[clear]), kind="stable")]
    chosen: list[int] = []
    contradicted = redundant = 0
    explained = np.zeros(len(outcomes.rows), bool)
    for number in clear.tolist():
        holds = items.together(tried[number])
        if _contradicts(holds, outcomes, tested.score[number]):
            contradicted += 1
        elif chosen and not _adds(holds, explained, outcomes, tested, number, alpha / len(clear)):
            redundant += 1
        else:
            chosen.append(number)
            explained |= holds
    return chosen, contradicted, redundant


def _contradicts(holds: Flags, outcomes: Outcomes, score: float) -> bool:
    """Return whether the effect on the later signals goes the other way."""
    later = ~outcomes.earlier
    ours, others = outcomes.excess[later & holds], outcomes.excess[later & ~holds]
    if not len(ours) or not len(others):
        return False
    return bool((ours.mean() - others.mean()) * score < 0)


def _adds(
    holds: Flags,
    explained: Flags,
    outcomes: Outcomes,
    tested: Slides,
    number: int,
    alpha: float,
) -> bool:
    from statistics import NormalDist

    rest = outcomes.earlier & ~explained
    distance = welch(outcomes.excess[rest], holds[rest]) / tested.spread[number]
    agrees = distance * tested.score[number] > 0
    return bool(agrees and abs(distance) >= NormalDist().inv_cdf(1 - alpha / 2))


def _pattern(
    items: Items,
    one: tuple[int, ...],
    number: int,
    tested: Slides,
    outcomes: Outcomes,
) -> SignalPattern:
    holds = items.together(one)
    earlier = outcomes.earlier
    here, there = holds & earlier, ~holds & earlier
    won = outcomes.earned > 0
    found, later = (_contrast(outcomes, holds, half) for half in (earlier, ~earlier))
    return SignalPattern(
        items=tuple(items.texts[item] for item in one),
        kind="sequence" if items.sequence[list(one)].any() else "context",
        signals=int(here.sum()),
        support=float(here.sum() / earlier.sum()),
        horizon_bars=outcomes.horizon,
        mean_return=float(outcomes.earned[here].mean()),
        usual_return=float(outcomes.earned[there].mean()),
        hit_rate=float(won[here].mean()),
        lift=_lift(won, holds, earlier),
        effect=found.value,
        low=found.low,
        high=found.high,
        p_value=float(tested.p_value[number]),
        adjusted_p_value=float(tested.adjusted[number]),
        later_signals=int((holds & ~earlier).sum()),
        later_effect=later.value,
        later_low=later.low,
        later_high=later.high,
        later_p_value=later.p_value,
        later_lift=_lift(won, holds, ~earlier),
    )


def _contrast(outcomes: Outcomes, holds: Flags, half: Flags) -> Estimate:
    times = Times(outcomes.ticks[half])
    return contrast_of(outcomes.excess[half], holds[half], times, outcomes.window)


def _lift(won: Flags, holds: Flags, half: Flags) -> float:
    usual = won[half].mean() if half.any() else 0.0
    ours = holds & half
    return float(won[ours].mean() / usual) if usual and ours.any() else np.nan
