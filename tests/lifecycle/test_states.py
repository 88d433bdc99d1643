"""The table of states, held against the rules that it stands for."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from capture.errors import IllegalTransition
from capture.events import SignalStatus
from capture.lifecycle.states import FINAL, TRANSITIONS, check_transition

PAGE: Final = Path(__file__).parents[2] / "docs" / "lifecycle.md"
PAIRS: Final = [(one, other) for one in SignalStatus for other in SignalStatus]


def test_every_state_is_in_the_table() -> None:
    assert set(TRANSITIONS) == set(SignalStatus)


def test_what_is_over_is_over() -> None:
    assert {str(state) for state in FINAL} == {
        "executed",
        "rejected",
        "cancelled",
        "expired",
        "missed",
    }


def test_nothing_becomes_generated_again() -> None:
    assert not any(SignalStatus.GENERATED in onward for onward in TRANSITIONS.values())


def test_only_a_partial_fill_may_follow_itself() -> None:
    assert [s for s, onward in TRANSITIONS.items() if s in onward] == ["partially_filled"]


def test_what_was_filled_in_part_is_neither_rejected_nor_missed() -> None:
    onward = set(TRANSITIONS[SignalStatus.PARTIALLY_FILLED])
    assert not onward & {SignalStatus.REJECTED, SignalStatus.MISSED}


def test_what_was_submitted_is_not_missed() -> None:
    assert SignalStatus.MISSED not in TRANSITIONS[SignalStatus.SUBMITTED]


@pytest.mark.parametrize(("current", "wanted"), PAIRS)
def test_the_check_follows_the_table(current: SignalStatus, wanted: SignalStatus) -> None:
    if wanted in TRANSITIONS[current]:
        check_transition("s1", current, wanted)
        return
    with pytest.raises(IllegalTransition, match=f"s1 is {current} and cannot become {wanted}") as e:
        check_transition("s1", current, wanted)
    assert e.value.allowed == TRANSITIONS[current]


def test_the_documentation_prints_the_table() -> None:
    lines = ["| from | to |", "|---|---|"]
    for state, onward in TRANSITIONS.items():
        ways = ", ".join(f"`{each}`" for each in onward) or "*final*"
        lines.append(f"| `{state}` | {ways} |")
    assert "\n".join(lines) in PAGE.read_text()
