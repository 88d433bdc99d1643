"""What cannot be replayed into vectorbt is refused, with what would mend it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from vectorbt.portfolio.enums import RejectedOrderError

import capture
from capture.errors import ConfigError, NotReplayable, UnknownName
from tests.adapters.vectorbt import calls as c
from tests.adapters.vectorbt.cases import CASES
from tests.adapters.vectorbt.results import assert_same

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from capture.store.recording import Recording

    Recorded = Callable[[str], tuple[Any, Recording]]

pytestmark = [pytest.mark.host, pytest.mark.slow]


@pytest.mark.parametrize("words", [{}, {"store": "there"}], ids=["plain", "recorded"])
def test_a_misspelt_argument_is_told(
    words: dict[str, Any], recorded: Recorded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    replay = capture.replay(recorded("SMA cross, GOOG")[1])
    with pytest.raises(ConfigError, match=r'slipage=0\.1 .*Did you mean "slippage"'):
        replay.into("vectorbt", slipage=0.1, **words)
    with pytest.raises(ConfigError, match=r"entry_prob=0\.1"):
        replay.into("vectorbt", entry_prob=0.1, **words)
    assert not (tmp_path / "there").exists()


def test_a_misspelt_backtester_is_told(recorded: Recorded) -> None:
    with pytest.raises(UnknownName, match='Did you mean "vectorbt"'):
        capture.replay(recorded("SMA cross, GOOG")[1]).into("vectorbtt")


def test_a_misspelt_strategy_is_told(recorded: Recorded) -> None:
    _, recording = recorded("a grid")
    name = recording.parts[0].segments[0]["strategy_id"]
    with pytest.raises(UnknownName, match=f'Did you mean "{name}"'):
        capture.replay(recording, strategy=name[:-1] + "x").into("vectorbt")


CALLBACKS = {
    "an order function": {"order_func_nb": c._order},
    "a signal function": {"signal_func_nb": c._signal},
    "a stop that is moved": {"adjust_sl_func_nb": c._stop},
}


@pytest.mark.parametrize("name", CALLBACKS)
def test_a_compiled_callback_must_be_handed_over_again(name: str, recorded: Recorded) -> None:
    portfolio, recording = recorded(name)
    [(argument, callback)] = CALLBACKS[name].items()
    with pytest.raises(NotReplayable, match=rf'into\("vectorbt", .*{argument}='):
        capture.replay(recording).into("vectorbt")
    assert_same(portfolio, capture.replay(recording).into("vectorbt", **{argument: callback}))


def test_nothing_is_written_for_a_replay_that_is_refused(
    recorded: Recorded, tmp_path: Path
) -> None:
    _, recording = recorded("an order function")
    with pytest.raises(NotReplayable):
        capture.replay(recording).into("vectorbt", store=tmp_path / "replays")
    assert not (tmp_path / "replays" / "runs").exists()


def test_a_run_that_raised_can_be_replayed_so_that_it_does_not(tmp_path: Path) -> None:
    unpaid = {"size": 5_000.0, "allow_partial": False}
    with capture.record(tmp_path) as recorded, pytest.raises(RejectedOrderError):
        CASES["SMA cross, GOOG"](**unpaid, raise_reject=True)
    [recording] = recorded.recordings
    with pytest.raises(RejectedOrderError):
        capture.replay(recording).into("vectorbt")
    fresh = CASES["SMA cross, GOOG"](**unpaid, raise_reject=False)
    assert_same(fresh, capture.replay(recording).into("vectorbt", raise_reject=False))


def test_a_run_that_raised_before_its_simulation_cannot_be_replayed(tmp_path: Path) -> None:
    with capture.record(tmp_path) as recorded, pytest.raises(KeyError):
        CASES["SMA cross, GOOG"](direction="sideways")
    with pytest.raises(NotReplayable, match="it holds no strategy"):
        capture.replay(recorded.recordings[0])
