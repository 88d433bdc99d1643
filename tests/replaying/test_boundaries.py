"""What is replayed at the boundaries of a regime is what a plain machine, bar by bar, replays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.index.intervals import Intervals
from capture.replaying.boundaries import POLICIES, BoundaryPlan, Flatten, Regimes, Step, plan

BARS = 24


def stretches(inside: list[bool]) -> Intervals:
    """Return the bars inside; a regime that lasts to the last bar has no end."""
    return Intervals.of(
        (start, None if stop == len(inside) else stop)
        for start, stop in Intervals.from_mask(np.array(inside, bool))
    )


def planned(
    steps: list[Step], inside: list[bool], policy: Any, symbol: str | None = "A"
) -> BoundaryPlan:
    regimes = Regimes(stretches(inside), lambda bar: "in" if inside[bar] else "out")
    return plan({symbol: steps}, {symbol: regimes}, policy)


def plainly(  # noqa: C901, PLR0912 - the definition, in one piece
    steps: list[Step], inside: list[bool], policy: str
) -> dict[str, Any]:
    """Go over every bar, with the position that the replay holds and what the strategy wants."""
    kept, closed, flattened = set(), set(), []
    held = wanted = 0
    for bar in range(len(inside)):
        leaves = bar > 0 and inside[bar - 1] and not inside[bar]
        if leaves and held and policy == "force_flat":
            flattened.append(bar)
            held = 0
        for step in (s for s in steps if s.bar == bar):
            entry, whole_exit = step.kind == "entry", step.kind == "exit"
            against = held and step.direction != held
            if inside[bar]:
                if not held and entry and step.direction:
                    if policy != "block_reentry" or step.direction != wanted:
                        kept.add(step.seq)
                        held = step.direction
                elif held and step.direction == held:
                    kept.add(step.seq)
                elif against:
                    kept.add(step.seq)
                    if entry:
                        held = step.direction
                    elif whole_exit:
                        held = 0
            elif held and policy != "carry" and against:
                if entry and step.direction:
                    closed.add(step.seq)
                    held = 0
                else:
                    kept.add(step.seq)
                    if step.kind != "adjustment":
                        held = 0
            if step.kind != "adjustment":
                wanted = 0 if whole_exit else step.direction
    return {"kept": kept, "closed": closed, "flattened": flattened}


@st.composite
def signals(draw: st.DrawFn) -> list[Step]:
    bars = sorted(draw(st.lists(st.integers(0, BARS - 1), max_size=20)))
    kinds = st.sampled_from(
        [
            ("entry", 1),
            ("entry", -1),
            ("exit", 0),
            ("exit", 1),
            ("exit", -1),
            ("adjustment", 1),
            ("adjustment", -1),
        ]
    )
    made = []
    for seq, bar in enumerate(bars):
        kind, direction = draw(kinds)
        made.append(Step(seq, bar, direction, kind))
    return made


INSIDE = st.lists(st.booleans(), min_size=BARS, max_size=BARS)


@pytest.mark.parametrize("policy", POLICIES)
@given(steps=signals(), inside=INSIDE)
def test_every_policy_is_its_plain_machine(
    policy: str, steps: list[Step], inside: list[bool]
) -> None:
    got, expected = planned(steps, inside, policy), plainly(steps, inside, policy)
    assert got.kept == expected["kept"]
    assert got.closed == expected["closed"]
    assert [one.bar for one in got.flattened] == expected["flattened"]


@given(steps=signals())
def test_a_regime_that_never_ends_leaves_signals_that_open_as_they_are(steps: list[Step]) -> None:
    got = planned(steps, [True] * BARS, "honour_exit")
    assert {s.seq for s in steps if s.kind == "entry"} <= got.kept
    assert not got.trades
    assert not got.flattened


@given(steps=signals(), policy=st.sampled_from(POLICIES))
def test_outside_of_the_regime_nothing_is_replayed(steps: list[Step], policy: str) -> None:
    assert planned(steps, [False] * BARS, policy) == BoundaryPlan(frozenset(), frozenset(), (), ())


@given(first=signals(), second=signals(), inside=INSIDE, policy=st.sampled_from(POLICIES))
def test_symbols_are_independent(
    first: list[Step], second: list[Step], inside: list[bool], policy: Any
) -> None:
    other = [step._replace(seq=step.seq + 100) for step in second]
    flipped = [not one for one in inside]
    regimes = {
        symbol: Regimes(stretches(flags), lambda _bar: None)
        for symbol, flags in (("A", inside), ("B", flipped))
    }
    both = plan({"A": first, "B": other}, regimes, policy)
    apart = [planned(first, inside, policy, "A"), planned(other, flipped, policy, "B")]
    assert both.kept == apart[0].kept | apart[1].kept
    assert both.closed == apart[0].closed | apart[1].closed
    assert set(both.flattened) == set(apart[0].flattened) | set(apart[1].flattened)


# --- the words of the policies, on one story -----------------------------------------------

# Long at 2; the regime lasts from 0 to 5 and from 10 on; long again at 7; flat at 8.
STORY = [
    Step(0, 2, 1, "entry"),
    Step(1, 7, 1, "entry"),
    Step(2, 8, 0, "exit"),
    Step(3, 9, 1, "entry"),
    Step(4, 11, 1, "entry"),
    Step(5, 13, 0, "exit"),
]
STAYS = [0 <= bar < 5 or bar >= 10 for bar in range(BARS)]


def test_an_exit_of_a_position_opened_inside_is_honoured() -> None:
    got = planned(STORY, STAYS, "honour_exit")
    assert got.kept == {0, 2, 4, 5}  # not 1 and 3: re-affirmed and opened outside
    [trade] = got.trades
    assert (trade.entry_bar, trade.boundary_bar, trade.exit_bar) == (2, 5, 8)
    assert (trade.entry_regime, trade.boundary_regime, trade.exit_regime) == ("in", "out", "out")
    assert trade.ended == "exit"


def test_forced_flat_the_position_ends_where_the_regime_does() -> None:
    got = planned(STORY, STAYS, "force_flat")
    assert got.flattened == (Flatten("A", 5),)
    assert got.kept == {0, 4, 5}
    assert [(t.exit_bar, t.ended) for t in got.trades] == [(5, "forced")]


def test_carried_the_position_waits_for_the_regime() -> None:
    got = planned(STORY, STAYS, "carry")
    assert got.kept == {0, 4, 5}
    assert [(t.entry_bar, t.exit_bar, t.ended) for t in got.trades] == [(2, 13, "inside")]


def test_blocked_a_position_that_was_opened_outside_is_not_entered_later() -> None:
    # At 11 the strategy re-affirms what it has wanted since 9, which lies outside.
    assert planned(STORY, STAYS, "block_reentry").kept == {0, 2}
    fresh = [*STORY, Step(6, 15, 1, "entry")]
    assert planned(fresh, STAYS, "block_reentry").kept == {0, 2, 6}


def test_of_a_reversal_outside_the_closing_half_is_left() -> None:
    steps = [Step(0, 1, 1, "entry"), Step(1, 6, -1, "entry"), Step(2, 12, 0, "exit")]
    got = planned(steps, STAYS, "honour_exit")
    assert (got.kept, got.closed) == ({0}, {1})
    assert [(t.exit_bar, t.ended) for t in got.trades] == [(6, "reversal")]


def test_a_position_that_nothing_closes_is_listed_as_open() -> None:
    got = planned([Step(0, 1, -1, "entry")], STAYS, "honour_exit")
    [trade] = got.trades
    assert (trade.direction, trade.exit_bar, trade.exit_regime, trade.ended) == (
        -1,
        None,
        None,
        "open",
    )


def test_trades_that_are_closed_by_name_follow_the_signal_that_opened_them() -> None:
    steps = [
        Step(0, 1, 1, "entry"),
        Step(1, 2, 1, "entry"),
        Step(2, 6, 1, "entry"),  # outside: never opened
        Step(3, 7, 0, "exit", closes=2),
        Step(4, 8, 0, "exit", closes=0),
        Step(5, 9, 0, "exit", closes=1),
    ]
    got = planned(steps, STAYS, "honour_exit")
    assert got.kept == {0, 1, 4, 5}
    assert [(t.entry_bar, t.exit_bar) for t in got.trades] == [(1, 9)]


def test_boundary_trades_are_a_frame() -> None:
    frame = planned(STORY, STAYS, "force_flat").to_frame()
    assert frame[["symbol", "entry_bar", "boundary_bar", "exit_bar", "ended"]].values.tolist() == [
        ["A", 2, 5, 5, "forced"]
    ]
    empty = planned([], STAYS, "carry").to_frame()
    assert list(empty.columns) == list(frame.columns)
