"""The project as the packaging tests see it: its root, its declarations, its packages."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def root(pytestconfig: pytest.Config) -> Path:
    """The root of the repository."""
    return pytestconfig.rootpath


@pytest.fixture(scope="session")
def declared(root: Path) -> dict[str, Any]:
    """What `pyproject.toml` says."""
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def bundled(root: Path) -> dict[str, Path]:
    """The import packages under `plugins/` and `adapters/`, by name."""
    folders = [*(root / "plugins").iterdir(), *(root / "adapters").iterdir()]
    return {folder.name: folder for folder in folders if (folder / "__init__.py").is_file()}
