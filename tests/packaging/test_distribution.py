"""The wheel and the source archive: what a user gets, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from configparser import ConfigParser
from email.parser import HeaderParser
from typing import TYPE_CHECKING, Any
from zipfile import ZipFile

import pytest

from capture._version import __version__

if TYPE_CHECKING:
    from pathlib import Path

DIST_INFO = f"signal_capture-{__version__}.dist-info"

LOAD_EVERY_ENTRY_POINT = """
from importlib.metadata import entry_points
for point in sorted(entry_points(group="capture")):
    print(point.name, point.load().__file__)
"""


def build(target: str, source: Path, out: Path) -> Path:
    """Build a `wheel` or `sdist` of `source` with the declared backend, offline."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(out)]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (archive,) = out.iterdir()
    return archive


def files_in(wheel: Path) -> set[str]:
    with ZipFile(wheel) as archive:
        return set(archive.namelist())


def text_in(wheel: Path, name: str) -> str:
    with ZipFile(wheel) as archive:
        return archive.read(f"{DIST_INFO}/{name}").decode()


def sources(folder: Path) -> set[str]:
    """The Python files of a package, as a wheel names them."""
    return {path.relative_to(folder.parent).as_posix() for path in folder.rglob("*.py")}


@pytest.fixture(scope="module")
def wheel(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", root, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def sdist(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("sdist", root, tmp_path_factory.mktemp("sdist"))


def test_the_wheel_holds_capture_and_each_plugin_at_the_top_and_nothing_else(
    wheel: Path, bundled: dict[str, Path]
) -> None:
    top = {name.partition("/")[0] for name in files_in(wheel)}
    assert top == {"capture", DIST_INFO, *bundled}


def test_the_wheel_holds_every_module(wheel: Path, root: Path, bundled: dict[str, Path]) -> None:
    expected = set[str]().union(*map(sources, [root / "capture", *bundled.values()]))
    assert {name for name in files_in(wheel) if name.endswith(".py")} == expected


def test_every_package_in_the_wheel_says_that_it_is_typed(
    wheel: Path, bundled: dict[str, Path]
) -> None:
    assert {f"{name}/py.typed" for name in ("capture", *bundled)} <= files_in(wheel)


def test_the_wheel_carries_the_licence_and_the_readme(wheel: Path, root: Path) -> None:
    licence = (root / "LICENSE").read_text(encoding="utf-8")
    assert text_in(wheel, "licenses/LICENSE") == licence
    metadata = HeaderParser().parsestr(text_in(wheel, "METADATA"))
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Version"] == __version__
    readme = (root / "README.md").read_text(encoding="utf-8").strip()
    assert metadata.get_payload() == readme + "\n"


def test_every_entry_point_names_a_module_that_the_wheel_holds(
    wheel: Path, declared: dict[str, Any]
) -> None:
    written = ConfigParser(delimiters=("=",))
    written.read_string(text_in(wheel, "entry_points.txt"))
    assert dict(written["capture"]) == declared["project"]["entry-points"]["capture"]
    assert dict(written["console_scripts"]) == declared["project"]["scripts"]
    modules = {name.removesuffix(".py").removesuffix("/__init__") for name in files_in(wheel)}
    targets = [*written["capture"].values(), *written["console_scripts"].values()]
    missing = [one for one in targets if one.partition(":")[0].replace(".", "/") not in modules]
    assert missing == []


def test_every_entry_point_loads_from_an_unpacked_wheel(
    wheel: Path, declared: dict[str, Any], tmp_path: Path
) -> None:
    with ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    loaded = subprocess.run(
        [sys.executable, "-c", LOAD_EVERY_ENTRY_POINT],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert loaded.returncode == 0, loaded.stderr
    places = dict(line.split(maxsplit=1) for line in loaded.stdout.splitlines())
    ours = declared["project"]["entry-points"]["capture"]
    assert all(places[name].startswith(str(tmp_path)) for name in ours)


@pytest.mark.slow
def test_the_source_archive_builds_the_same_wheel(sdist: Path, wheel: Path, tmp_path: Path) -> None:
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path / "unpacked", filter="data")
    (source,) = (tmp_path / "unpacked").iterdir()
    assert files_in(build("wheel", source, tmp_path / "again")) == files_in(wheel)


def test_the_source_archive_can_be_set_up_and_tested(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"Makefile", "pyproject.toml", "README.md", "LICENSE", "tests/conftest.py"} <= names
    assert not [name for name in names if name.startswith((".git/", ".venv", ".ci"))]
