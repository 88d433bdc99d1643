"""Real distributions, written into a folder on the import path, for the host to find."""

from __future__ import annotations

import importlib
import sys
from importlib import metadata
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

from capture.events import RunInfo
from capture.host import Host

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Site:
    """A folder of installed distributions."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def install(
        self, distribution: str, points: dict[str, str] | str, version: str = "1.0", **modules: str
    ) -> None:
        """Put a distribution there: its entry points, and the source of its modules."""
        info = self.folder / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n"
        )
        if isinstance(points, dict):
            points = "[capture]\n" + "".join(f"{k} = {v}\n" for k, v in points.items())
        (info / "entry_points.txt").write_text(points)
        for name, source in modules.items():
            (self.folder / f"{name}.py").write_text(dedent(source))
        importlib.invalidate_caches()

    def host(self) -> Host:
        """Return a host that knows what is installed here and nothing else."""
        found = metadata.distributions(path=[str(self.folder)])
        return Host([p for d in found for p in d.entry_points if p.group == "capture"])


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)
    yield Site(tmp_path)
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


@pytest.fixture
def run() -> RunInfo:
    return RunInfo("a-run", 0, "backtesting", "SmaCross", "signals", 1)
