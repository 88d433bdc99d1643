"""`make` sets up what it needs, once, and says so clearly when it cannot."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")

DECLARED = ("pyproject.toml", "capture/_version.py")


def make(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    # A make that runs these tests must not hand its own flags down.
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    return subprocess.run(
        ["make", *words],
        cwd=folder,
        env={**inherited, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def age(path: Path, seconds: float) -> None:
    moment = time.time() - seconds
    os.utime(path, (moment, moment))


@pytest.fixture
def checkout(root: Path, tmp_path: Path) -> Path:
    """The Makefile and what it depends on, an hour old, and nothing set up."""
    (tmp_path / "capture").mkdir()
    for name in ("Makefile", *DECLARED):
        shutil.copyfile(root / name, tmp_path / name)
        age(tmp_path / name, 3600)
    return tmp_path


@pytest.fixture
def set_up(checkout: Path) -> Path:
    """The same with an environment that was set up half an hour ago."""
    (checkout / ".venv/bin").mkdir(parents=True)
    for name in ("bin/pip", ".stamp-demo", ".stamp-test"):
        (checkout / ".venv" / name).touch()
        age(checkout / ".venv" / name, 1800)
    return checkout


@pytest.mark.parametrize("target", ["demo", "test", "lint", "bench"])
def test_a_fresh_checkout_is_set_up_first(checkout: Path, target: str) -> None:
    planned = make(checkout, "-n", target)
    assert planned.returncode == 0, planned.stderr
    assert "-m venv" in planned.stdout
    assert "install --editable" in planned.stdout


@pytest.mark.parametrize("target", ["demo", "test", "lint", "bench"])
def test_a_second_call_installs_nothing(set_up: Path, target: str) -> None:
    planned = make(set_up, "-n", target)
    assert planned.returncode == 0, planned.stderr
    assert "pip" not in planned.stdout
    assert "venv --clear" not in planned.stdout


@pytest.mark.parametrize("name", DECLARED)
def test_a_changed_declaration_is_installed_again(set_up: Path, name: str) -> None:
    (set_up / name).touch()
    planned = make(set_up, "-n", "test")
    assert "install --editable '.[all,dev]'" in planned.stdout
    assert "venv --clear" not in planned.stdout


def test_without_a_python_the_error_names_the_mend(checkout: Path) -> None:
    failed = make(checkout, "demo", "PYTHONS=no-such-python false")
    assert failed.returncode != 0
    assert "no Python 3.11 or newer was found (tried: no-such-python false)" in failed.stderr
    assert "PYTHON=" in failed.stderr
    assert not (checkout / ".venv").exists()


def test_a_python_that_cannot_make_environments_is_named_with_the_mend(checkout: Path) -> None:
    # It knows its version, and fails at everything else, as Python without `venv` does.
    crippled = checkout / "crippled"
    crippled.write_text('#!/bin/sh\n[ "$1" = -c ]\n', encoding="utf-8")
    crippled.chmod(0o755)
    failed = make(checkout, "demo", "PYTHON=./crippled")
    assert failed.returncode != 0
    assert "./crippled cannot make a virtual environment" in failed.stderr
    assert "python3-venv" in failed.stderr


def test_help_names_every_target(root: Path, checkout: Path) -> None:
    text = (root / "Makefile").read_text(encoding="utf-8")
    phony = text.partition(".PHONY:")[2].partition("\n")[0].split()
    listed = [line.split()[1] for line in make(checkout, "help").stdout.splitlines()]
    assert sorted(listed) == sorted(phony)
