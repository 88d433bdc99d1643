"""`capture.record`: what it hears, when it writes, and what it leaves behind."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

import pytest

import capture
from capture.contracts.info import AdapterInfo
from capture.errors import ConfigError, UnsupportedHost, UnsupportedStrategy
from capture.host import Host, use_host

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


class Player:
    """A backtester without a strategy class, and the adapter that hears it."""

    host = "player"

    def __init__(self, fails: bool = False) -> None:
        self.fails = fails
        self.listeners: list[tuple[capture.SignalCaptureConfig, Callable[[str], None]]] = []
        self.entered = 0

    def play(self) -> None:
        """Run something: whoever listens last records it."""
        if self.listeners:
            config, ended = self.listeners[-1]
            with capture.SignalCaptureEngine(config) as engine:
                engine.note("played", 1)
            ended(engine.run_id)

    @contextmanager
    def listen(
        self, config: capture.SignalCaptureConfig, ended: Callable[[str], None]
    ) -> Iterator[None]:
        if self.fails:
            raise RuntimeError("cannot hear")
        self.entered += 1
        self.listeners.append((config, ended))
        try:
            yield
        finally:
            self.listeners.pop()

    @property
    def plugin(self) -> Any:
        """Return a plugin that offers this adapter."""
        name, load = f"{self.host}{id(self)}", lambda: self

        class Plugin:
            @capture.hookimpl
            def register_adapters(self) -> Iterator[AdapterInfo]:
                yield AdapterInfo(name, load=load, listens=True)

        return Plugin()


@pytest.fixture
def host() -> Iterator[Host]:
    """A plugin host of one test's own, without adapters."""
    host = Host(e for e in entry_points(group="capture") if e.name in {"memory", "json", "parquet"})
    with use_host(host):
        yield host


@pytest.fixture
def player(host: Host) -> Player:
    player = Player()
    host.register(player.plugin, name="player")
    return player


def test_each_run_is_listed_when_it_has_ended(player: Player, tmp_path: Path) -> None:
    with capture.record(tmp_path) as recorded:
        assert recorded.recordings == []
        player.play()
        assert len(recorded.recordings) == 1
        player.play()
    assert [r.run_id for r in recorded.recordings] == list(capture.open(tmp_path))
    assert [r.state for r in recorded.recordings] == ["ended", "ended"]


def test_nothing_is_written_where_nothing_runs(player: Player, tmp_path: Path) -> None:
    recorded = capture.record(tmp_path / "signals")
    player.play()
    with recorded:
        pass
    player.play()
    assert recorded.recordings == []
    assert not (tmp_path / "signals").exists()


def test_one_record_can_be_entered_again(player: Player, tmp_path: Path) -> None:
    recorded = capture.record(tmp_path)
    for _ in range(2):
        with recorded:
            player.play()
    player.play()
    assert len(recorded.recordings) == 2


def test_it_stops_to_listen_when_an_error_leaves_it(player: Player, tmp_path: Path) -> None:
    recorded = capture.record(tmp_path)

    def script() -> None:
        with recorded:
            player.play()
            raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        script()
    assert player.listeners == []
    assert len(recorded.recordings) == 1


def test_of_several_hosts_none_is_left_listening_if_one_cannot(
    player: Player, host: Host, tmp_path: Path
) -> None:
    host.register(Player(fails=True).plugin, name="deaf")
    with pytest.raises(RuntimeError, match="cannot hear"), capture.record(tmp_path):
        pytest.fail("it was entered")
    assert player.entered == 1
    assert player.listeners == []


def test_inner_and_outer_list_their_own_runs(player: Player, tmp_path: Path) -> None:
    with capture.record(tmp_path / "outer") as outer:
        player.play()
        with capture.record(tmp_path / "inner") as inner:
            player.play()
        player.play()
    assert (len(outer.recordings), len(inner.recordings)) == (2, 1)


def test_the_store_is_the_one_that_the_environment_names(
    player: Player, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CAPTURE_STORE", str(tmp_path / "named"))
    with capture.record() as recorded:
        player.play()
    assert recorded.recordings[0].store.root == tmp_path / "named"


def test_options_are_those_of_the_recorder(player: Player, tmp_path: Path) -> None:
    with capture.record(tmp_path, backend="json", symbol="GOOG") as recorded:
        player.play()
    assert recorded.config.symbol == "GOOG"
    assert capture.open(tmp_path).runs()["backend"].tolist() == ["json"]


@pytest.mark.parametrize(
    ("option", "hint"),
    [({"bakend": "json"}, 'Did you mean "backend"'), ({"buffer_size": 0}, "at least 1")],
    ids=str,
)
def test_a_misspelt_option_is_told_at_once(
    option: dict[str, Any], hint: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=hint):
        capture.record(tmp_path / "signals", **option)
    assert not (tmp_path / "signals").exists()


def test_where_no_host_can_be_heard_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "vectorbt", None)  # as if it were not installed
    recorded = capture.record(tmp_path)
    with pytest.raises(UnsupportedHost, match=r"pip install 'signal-capture\[vectorbt\]'") as said:
        recorded.__enter__()
    assert "capture.wrap()" in str(said.value)
    assert not list(tmp_path.iterdir())


def test_where_no_adapter_listens_there_is_nothing_to_install(host: Host, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedHost) as said:
        capture.record(tmp_path).__enter__()
    assert said.value.supported == ()
    assert "Install" not in str(said.value)


def test_to_wrap_what_is_listened_to_says_how_it_is_recorded() -> None:
    with pytest.raises(UnsupportedStrategy, match=r"vectorbt has no strategy.*capture\.record"):
        capture.wrap(object())
