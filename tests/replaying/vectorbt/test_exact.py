"""A replay is the portfolio once more, to the last bit, and nothing is computed for it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import vectorbt as vbt
from vectorbt.indicators.factory import IndicatorBase

import capture
from capture.testing.traces import traces_of
from tests.adapters.vectorbt.cases import CASES, REPLAYABLE
from tests.adapters.vectorbt.results import assert_same, outcome

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from capture.store.recording import Recording

    Recorded = Callable[[str], tuple[Any, Recording]]

pytestmark = [pytest.mark.host, pytest.mark.slow]

_REPLAY = """
import json, sys
import numpy as np
import capture
from tests.adapters.vectorbt.results import outcome

for place, store in json.loads(sys.argv[1]).items():
    portfolio = capture.replay(capture.open(store).latest()).into("vectorbt")
    np.savez(place, **outcome(portfolio))
assert "backtesting" not in sys.modules and "tests.adapters.vectorbt.cases" not in sys.modules
"""


@pytest.mark.parametrize("name", REPLAYABLE)
def test_a_recorded_replay_is_certified(name: str, recorded: Recorded, tmp_path: Path) -> None:
    portfolio, recording = recorded(name)
    replayed = capture.replay(recording).into("vectorbt", store=tmp_path)
    assert type(replayed) is vbt.Portfolio
    assert_same(portfolio, replayed)
    again = capture.open(tmp_path).latest("replay")
    certificate = capture.parity(recording, again)
    assert certificate.exact, str(certificate)
    assert [c.original_rows for c in certificate.comparisons] == [
        recording.table(table).num_rows for table in ("trades", "fills", "equity")
    ]
    assert again.manifest["parent"] == recording.run_id
    sources = again.signals()["source_signal_id"].tolist()
    assert sources == recording.signals()["signal_id"].tolist()
    assert capture.verify(tmp_path).ok


@pytest.mark.timeout(900)  # on a busy machine; alone it takes less than a minute
def test_a_new_process_makes_every_portfolio_again(
    recorded: Recorded, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    # One process for all, with what is compiled already; here no replay is recorded.
    places = {str(tmp_path / f"{i}.npz"): name for i, name in enumerate(REPLAYABLE)}
    stores = {place: str(recorded(name)[1].store.root) for place, name in places.items()}
    command = [sys.executable, "-c", _REPLAY, json.dumps(stores)]
    subprocess.run(command, cwd=pytestconfig.rootpath, timeout=880, check=True)
    for place, name in places.items():
        with np.load(place, allow_pickle=True) as there:
            for part, values in outcome(recorded(name)[0]).items():
                assert there[part].dtype == values.dtype, (name, part)
                assert there[part].tobytes() == values.tobytes(), (name, part)


@pytest.mark.parametrize(
    "name", ["SMA cross, GOOG", "a grid", "a grid of an indicator of one's own", "random signals"]
)
def test_no_indicator_is_computed_again(
    name: str, recorded: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    portfolio, recording = recorded(name)

    def never(*_: Any, **__: Any) -> Any:
        raise AssertionError("this was computed again")

    monkeypatch.setattr(IndicatorBase, "__init__", never)
    monkeypatch.setattr(IndicatorBase, "run_pipeline", never, raising=False)
    with pytest.raises(AssertionError, match="computed again"):
        CASES[name]()
    assert_same(portfolio, capture.replay(recording).into("vectorbt"))


def test_a_replay_runs_any_number_of_times(recorded: Recorded) -> None:
    portfolio, recording = recorded("several assets, two accounts")
    replay = capture.replay(recording)
    for _ in range(3):
        assert_same(portfolio, replay.into("vectorbt"))


def test_the_host_is_left_as_it_was(recorded: Recorded, tmp_path: Path) -> None:
    _, recording = recorded("SMA cross, GOOG")
    capture.replay(recording).into("vectorbt")
    before = traces_of(("vectorbt",))
    capture.replay(recording).into("vectorbt")
    capture.replay(recording).into("vectorbt", store=tmp_path)
    assert traces_of(("vectorbt",)) == before


def test_a_replay_inside_a_with_is_recorded_by_its_own_store_alone(
    recorded: Recorded, tmp_path: Path
) -> None:
    _, recording = recorded("SMA cross, GOOG")
    with capture.record(tmp_path / "around") as around:
        capture.replay(recording).into("vectorbt", store=tmp_path / "own")
    assert around.recordings == []
    assert len(capture.open(tmp_path / "own")) == 1


def test_a_replay_of_a_replay_is_exact_too(recorded: Recorded, tmp_path: Path) -> None:
    portfolio, recording = recorded("both stops, at the stop's price")
    capture.replay(recording).into("vectorbt", store=tmp_path)
    once = capture.open(tmp_path).latest("replay")
    assert_same(portfolio, capture.replay(once).into("vectorbt"))
