"""What cannot be wrapped, and words that are misspelt, get an error that helps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import capture
from capture.errors import ConfigError, UnsupportedStrategy
from tests.adapters import strategies as s
from tests.adapters.runs import Case, goog

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.host


class SomeClass:
    """A strategy of nobody's."""


@pytest.mark.parametrize("thing", [42, SomeClass, SomeClass(), None, "SmaCross", lambda: 0])
def test_what_no_backtester_knows_is_refused_with_the_names_of_those_that_are_supported(
    thing: Any, tmp_path: Path
) -> None:
    with pytest.raises(UnsupportedStrategy, match=r"Supported: .*backtesting") as refused:
        capture.wrap(thing, store=tmp_path)
    kind = getattr(thing, "__name__", type(thing).__name__)
    assert kind in str(refused.value)
    assert "CaptureAwareStrategy" in str(refused.value)


def test_of_an_object_of_a_strategy_its_class_is_asked_for(tmp_path: Path) -> None:
    results = Case(s.SmaCross, goog, {"cash": 10_000})()
    wanted = r"strategy of backtesting: give the class itself: capture\.wrap\(SmaCross, store="
    with pytest.raises(UnsupportedStrategy, match=wanted):
        capture.wrap(results._strategy, store=tmp_path)


@pytest.mark.parametrize(
    ("option", "hint"),
    [
        ({"bakend": "json"}, 'Did you mean "backend"'),
        ({"durability": "jurnal"}, 'Did you mean "journal"'),
        ({"buffer_size": 0}, "at least 1"),
        ({"storage_path": "elsewhere"}, "no such option"),
    ],
    ids=str,
)
def test_a_misspelt_option_is_refused_with_a_hint(
    option: dict[str, Any], hint: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=hint) as refused:
        capture.wrap(s.SmaCross, store=tmp_path, **option)
    assert next(iter(option)) in str(refused.value)
    assert not list(tmp_path.iterdir())
