"""Journals that are written by hand, and what must be read from them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from capture.journal import Journal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Callable[..., Journal]]:
    """Make journals in folders of their own; every full block is taken and forgotten."""
    made = 0

    def make(folder: Path | None = None, **settings: Any) -> Journal:
        nonlocal made
        if folder is None:
            made += 1
            folder = tmp_path / f"journal-{made}"
            folder.mkdir()
        writer: Journal

        def take(_droppable: bool) -> bool:
            writer.take_block()
            return True

        words = {"block_rows": 7, "segment_bytes": 4096, "on_full": take, **settings}
        writer = Journal(folder, **words)
        return writer

    return make
