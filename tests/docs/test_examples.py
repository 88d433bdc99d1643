"""Every example script runs as it stands, and leaves a clean store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import capture

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.mark.slow
def test_an_example_runs_and_leaves_a_clean_store(
    example: str, run_example: Callable[[str], Any], tmp_path: Path
) -> None:
    ran = run_example(example)
    assert ran.status == 0, ran.output
    store = capture.open(tmp_path / "signals")
    assert len(store.latest().signals())
    assert capture.verify(store).ok


def test_the_readme_of_the_examples_names_every_one(example: str, root: Path) -> None:
    assert f"]({example})" in (root / "examples" / "README.md").read_text()
