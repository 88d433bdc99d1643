"""What an order came to says what was wanted: to leave, to take back, to add, to turn round."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from capture.replaying.intents import Intent
from capture.replaying.targets import Moved, Target, moves_of, targets_of

NOTHING = dict.fromkeys(Intent.__slots__)


def order(seq: int, side: int, size: float | None = 10.0, **words: Any) -> Intent:
    said = {
        "part": 0, "seq": seq, "signal_seq": seq, "bar_index": seq, "symbol": "ACME",
        "action": "new", "side": side, "size": size, "size_kind": "units", "order_type": "market",
    }  # fmt: skip
    return Intent(**{**NOTHING, **said, **words})


def target(intent: Intent, moved: Moved | None, held: float = 0.0) -> Target | None:
    moves = {} if moved is None else {intent.seq: moved}
    found = targets_of([intent], moves, {intent.seq: held})
    return found[0] if found else None


@pytest.mark.parametrize(
    ("side", "kind", "moved", "expected"),
    [
        (1, "units", Moved(0.0, 10.0), (1, 10.0, "units")),
        (-1, "units", Moved(10.0, 0.0), (0, None, "portion")),
        (-1, "units", Moved(40.0, 30.0), (1, 0.75, "portion")),
        (1, "units", Moved(-40.0, -30.0), (-1, 0.75, "portion")),
        (1, "units", Moved(30.0, 40.0), (1, 40.0, "target")),
        (-1, "units", Moved(-30.0, -40.0), (-1, -40.0, "target")),
        (-1, "units", Moved(4.0, -6.0), (-1, 6.0, "units")),
        (-1, "fraction", Moved(4.0, -6.0), (-1, 10.0, "fraction")),
        (-1, "fraction", Moved(4.0, 1.0), (1, 0.25, "portion")),
        (1, "target", Moved(4.0, 10.0), (1, 10.0, "target")),
        (1, "units", None, (1, 10.0, "units")),
    ],
)
def test_the_fills_of_an_order_say_what_was_wanted(
    side: int, kind: str, moved: Moved | None, expected: tuple[int, float | None, str]
) -> None:
    found = target(order(3, side, size_kind=kind), moved)
    assert found is not None
    assert (found.direction, found.size, found.size_kind) == expected


def test_a_stop_against_the_position_protects_it_and_wants_nothing() -> None:
    stop = order(3, -1, order_type="stop", stop_price=9.0)
    assert target(stop, None, held=10.0) is None
    assert target(stop, Moved(10.0, 0.0), held=10.0) is None
    assert target(stop, None, held=0.0) is not None  # it enters
    assert target(stop, Moved(10.0, -10.0), held=10.0) is not None  # it turns


def test_an_entry_keeps_its_place_beside_the_stop_that_protects_it() -> None:
    entry = order(3, 1, callback=7, bar_index=3)
    stop = order(4, -1, callback=7, bar_index=3, order_type="stop", stop_price=9.0)
    (found,) = targets_of([entry, stop], {3: Moved(0.0, 10.0)}, {})
    assert (found.signal_seq, found.direction, found.size) == (3, 1, 10.0)


def test_what_an_order_did_is_read_from_all_of_its_fills_and_not_from_its_stop() -> None:
    fills = pa.table(
        {
            "order_seq": [3, 3, 3, 5],
            "side": [1, 1, -1, -1],
            "size": [4.0, 6.0, 10.0, 2.0],
            "position_after": [-6.0, 0.0, -10.0, -12.0],
            "decision_bar": [2, 2, None, 4],
        }
    )
    assert moves_of(fills) == {3: Moved(-10.0, 0.0), 5: Moved(-10.0, -12.0)}
    assert moves_of(fills.drop_columns(["decision_bar"])) == {}
