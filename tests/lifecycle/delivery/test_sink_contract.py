"""The HTTP sink keeps the contract of remote sinks, and the contract finds those that do not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from capture.contracts.remote_sink import Fate, Said
from capture.testing import RemoteSinkContract
from capture_http.sink import HttpSink

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class TestHttp(RemoteSinkContract):
    batched = False

    @pytest.fixture(autouse=True)
    def _remote(self, remote: Any) -> None:
        self.remote = remote

    def made(self, folder: Path) -> HttpSink:
        batch_url = self.remote.batch_url if self.batched else None
        return HttpSink(self.remote.url, batch_url=batch_url, batch=4)

    def made_in_vain(self, folder: Path) -> HttpSink:
        return HttpSink("http://127.0.0.1:9/items")

    def received(self, folder: Path) -> Sequence[dict[str, Any]]:
        received: list[dict[str, Any]] = self.remote.received
        return received


class TestHttpInBatches(TestHttp):
    batched = True


class _Broken(RemoteSinkContract):
    """A sink that keeps everything in a file, and can be broken in one way or another."""

    fault = ""

    def made(self, folder: Path) -> Any:
        return _FileSink(folder / "remote.jsonl", self.fault)

    def made_in_vain(self, folder: Path) -> Any:
        return _FileSink(folder / "none" / "remote.jsonl", self.fault)

    def received(self, folder: Path) -> Sequence[dict[str, Any]]:
        lines = (folder / "remote.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]


class _FileSink:
    timeout_s = 1.0

    def __init__(self, path: Path, fault: str) -> None:
        self.most = 0 if fault == "takes none" else 3
        self._path = path
        self._fault = fault
        self._closed = False

    def send(self, items: Sequence[Any]) -> list[Said]:
        lines = [json.dumps(item.to_message()) for item in items]
        if self._fault == "loses the last":
            lines = lines[:-1]
        try:
            known = self._path.read_text().splitlines() if self._path.exists() else []
            if self._fault != "keeps twice":
                lines = [line for line in lines if line not in known]
            self._path.write_text("".join(f"{line}\n" for line in [*known, *lines]))
        except OSError:
            if self._fault == "raises":
                raise
            return [Said(Fate.UNAVAILABLE, "no such folder")] * len(items)
        return [Said(Fate.ACCEPTED)] * len(items)

    def close(self) -> None:
        if self._closed and self._fault == "closes once":
            raise ValueError("closed")
        self._closed = True


def failures(fault: str, folder: Path) -> list[str]:
    """Return the tests of the suite that fail."""
    suite = type("Suite", (_Broken,), {"fault": fault})()
    failed = []
    for name in dir(suite):
        if name.startswith("test_"):
            place = folder / name
            place.mkdir()
            try:
                getattr(suite, name)(place)
            except (AssertionError, OSError, ValueError):
                failed.append(name)
    return failed


def test_a_sound_sink_passes(tmp_path: Path) -> None:
    assert failures("", tmp_path) == []


@pytest.mark.parametrize(
    ("fault", "test"),
    [
        ("takes none", "test_it_fulfils_the_protocol"),
        ("loses the last", "test_the_remote_has_what_was_accepted"),
        ("keeps twice", "test_an_item_that_comes_again_is_accepted_and_kept_once"),
        ("closes once", "test_closing_twice_is_allowed"),
        ("raises", "test_a_remote_that_cannot_be_reached_is_said_and_not_raised"),
    ],
)
def test_each_way_of_being_broken_is_found(fault: str, test: str, tmp_path: Path) -> None:
    assert test in failures(fault, tmp_path)
