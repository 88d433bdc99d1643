"""A virtual environment of its own, into which a stranger's distributions are really installed."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "third_party_plugin"


class Environment:
    """A virtual environment that sees what is installed here, and has more of its own."""

    def __init__(self, folder: Path) -> None:
        venv.EnvBuilder(with_pip=False, symlinks=True).create(folder)
        self.folder = folder
        self.python = folder / "bin" / "python"
        # `addsitedir` also follows the .pth files there, and so an editable installation.
        here = sysconfig.get_path("purelib")
        site = Path(sysconfig.get_path("purelib", "venv", {"base": str(folder)}))
        (site / "here.pth").write_text(f"import site; site.addsitedir({here!r})\n")

    def install(self, source: Path) -> None:
        """Build a distribution from source and install it, without a network."""
        self._pip("install", "--no-deps", "--no-build-isolation", "--no-index", str(source))

    def uninstall(self, distribution: str) -> None:
        """Remove a distribution."""
        self._pip("uninstall", "--yes", distribution)

    def run(self, program: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        """Run a Python program in the environment."""
        return self._check([str(self.python), "-c", program], cwd)

    def module(self, *words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        """Run `python -m` in the environment."""
        return self._check([str(self.python), "-m", *words], cwd)

    def _pip(self, *words: str) -> None:
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
        self._check([*pip, "--python", str(self.python), *words], self.folder)

    def _check(self, command: list[str], cwd: Path) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """The example is installed here, from a copy, as a user installs it."""
    folder = tmp_path_factory.mktemp("third_party")
    made = Environment(folder / "venv")
    source = folder / "source"
    shutil.copytree(EXAMPLE, source, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    made.install(source)
    return made


@pytest.fixture
def example_tests(tmp_path: Path) -> Path:
    """The example's own tests, without its source: they must find what is installed."""
    shutil.copy(EXAMPLE / "pyproject.toml", tmp_path)
    shutil.copytree(
        EXAMPLE / "tests", tmp_path / "tests", ignore=shutil.ignore_patterns("__pycache__")
    )
    return tmp_path
