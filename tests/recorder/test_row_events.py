"""An event that reads its row when it is asked is, to whoever hears it, like any other event."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.events import EVENTS, CapturedSignal, Fill, StatusChange
from capture.journal import NULL_FLOAT, NULL_INT, NULL_SMALL, Derived, Face, Field, Layout
from capture.recorder.row_events import event_of, hearing

if TYPE_CHECKING:
    from collections.abc import Callable

WORDS = [None, "open", "close", "executed"]
LAYOUT = Layout(
    7,
    "fills",
    (
        Field("signal_seq", "int"),
        Field("side", "small"),
        Field("size", "float"),
        Field("price", "float"),
        Field("timestamp", "time"),
        Field("effect", "word"),
        Field("note", "text"),
    ),
    faces=(
        Face(
            "fills",
            {name: name for name in ("signal_seq", "side", "size", "price", "timestamp", "effect")},
            {"symbol": "GOOG"},
            (Derived("signal_id", "run.0.", "signal_seq"),),
        ),
        Face("statuses", {"signal_seq": "signal_seq"}, {"status": "executed"}),
    ),
)
ROW = (4, 3, 1, 2.0, 5.5, 0, 1, "so")


def told(row: tuple[Any, ...], place: int = 0, late: Any = None) -> Any:
    heard: list[Any] = []
    hear: Callable[[Any], None] = hearing(LAYOUT, place, WORDS, late, heard.append)
    hear(row)
    (event,) = heard
    return event


def test_it_is_an_event_of_its_table() -> None:
    assert isinstance(told(ROW), Fill)
    status = told(ROW, 1)
    assert isinstance(status, StatusChange)
    assert (status.seq, status.signal_seq, status.status, status.reason) == (5, 3, "executed", None)
    assert not isinstance(status, CapturedSignal)


def test_its_values_are_the_rows_and_the_rest_follows() -> None:
    fill = told(ROW)
    assert (fill.seq, fill.side, fill.size, fill.price) == (4, 1, 2.0, 5.5)
    assert (fill.effect, fill.symbol, fill.signal_id) == ("open", "GOOG", "run.0.3")
    assert fill.commission is None
    with pytest.raises(AttributeError, match="Fill has no 'prise'"):
        fill.prise  # noqa: B018


def test_it_equals_an_event_that_was_given_its_values() -> None:
    fill, same = told(ROW), Fill(**told(ROW).to_dict())
    assert fill == same and same == fill
    assert fill != told((5, *ROW[1:]))
    assert repr(fill) == repr(same)
    assert copy.deepcopy(fill) == same
    assert list(fill) == list(same)


def test_it_is_immutable() -> None:
    fill = told(ROW)
    for name in ("price", "anything", "_row"):
        with pytest.raises(AttributeError, match="immutable"):
            setattr(fill, name, 1)
    with pytest.raises(AttributeError, match="immutable"):
        del fill.price


def test_what_is_gathered_late_is_gathered_once_when_it_is_asked_for() -> None:
    asked: list[dict[str, Any]] = []

    class Late:
        def one(self, values: dict[str, Any]) -> dict[str, Any]:
            asked.append(values)
            return {"slippage": 0.25}

    fill = told(ROW, late=Late())
    assert (fill.price, fill.signal_id, asked) == (5.5, "run.0.3", [])
    assert (fill.slippage, fill.to_dict()["slippage"]) == (0.25, 0.25)
    assert [values["seq"] for values in asked] == [4]


whole = st.integers(-(2**40), 2**40) | st.just(NULL_INT)
real = st.floats() | st.just(NULL_FLOAT)


@given(st.tuples(whole, st.sampled_from([-1, 0, 1, NULL_SMALL]), real, real, whole))
def test_every_column_is_what_the_whole_row_says(values: tuple[Any, ...]) -> None:
    row = (9, *values, 2, "text")
    for place, table in enumerate(("fills", "statuses")):
        event = told(row, place)
        plain = EVENTS[table](**event_of(LAYOUT, 9, row[1:], WORDS, place))
        for name in (*plain.to_dict(), *EVENTS[table].__annotations__):
            one, other = getattr(event, name), getattr(plain, name)
            assert one == other or (one != one and other != other), name
