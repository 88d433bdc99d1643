"""The page on the architecture shows the house as it is."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def _drawings(root: Path, blocks: Callable[[str], list[Any]]) -> tuple[str, list[frozenset[str]]]:
    """Return the drawing of the layout and the list of layers."""
    page = (root / "docs" / "architecture.md").read_text()
    layout, layers = (block for block in blocks(page) if block.info == "text")
    return "\n".join(layout.lines), [_words(line) for line in layers.lines]


def _words(line: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", line))


def test_every_module_of_capture_has_its_place_in_the_layout(
    root: Path, blocks: Callable[[str], list[Any]]
) -> None:
    layout, _ = _drawings(root, blocks)
    drawn = set(re.findall(r"^  (\S+)", layout, re.MULTILINE))
    there = {
        f"{path.name}/" if path.is_dir() else path.name
        for path in (root / "capture").iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert drawn == there - {"__main__.py", "_version.py"}


def test_the_layers_are_those_that_are_checked(
    root: Path, blocks: Callable[[str], list[Any]]
) -> None:
    _, drawn = _drawings(root, blocks)
    project = tomllib.loads((root / "pyproject.toml").read_text())
    contract = next(
        c for c in project["tool"]["importlinter"]["contracts"] if c["type"] == "layers"
    )
    here = {path.stem for path in (root / "capture").iterdir()}
    checked = [_words(layer) & here for layer in contract["layers"]]
    assert drawn == [layer for layer in checked if layer]
