"""A run whose fills an adapter fails to read, in a way that nobody foresaw, goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import capture
from capture.errors import CaptureWarning

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["assert_the_run_goes_on"]


def _misread(*_args: Any, **_words: Any) -> Any:
    raise ValueError("no such thing")


def assert_the_run_goes_on(
    case: Callable[..., Any],
    captured: Callable[..., Any],
    place: tuple[Any, str],
    folder: Path,
    same: Callable[[Any, Any], Any],
) -> None:
    """Run a case while a function that reads fills raises.

    Args:
        case: runs it without capture, or with what wraps the strategy.
        captured: runs it captured, and returns results and recording.
        place: what has the function, and its name.
        folder: for stores.
        same: says whether two results are the same, or asserts it.
    """
    expected = case(lambda strategy: strategy)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(*place, _misread)
        with pytest.warns(CaptureWarning, match=r"could not be read.*ValueError: no such thing"):
            results, recording = captured(case, folder / "on")
        with pytest.raises(ValueError, match="no such thing"):
            captured(case, folder / "raise", plugin_failure="raise")
    assert capture.open(folder / "raise").latest().state == "failed"
    assert same(expected, results) in {None, True}
    assert "could not be read" in recording.manifest["problem"]
    assert len(recording.signals()) > 0
    assert capture.verify(folder / "on").ok
