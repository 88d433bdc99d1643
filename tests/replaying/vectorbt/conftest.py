"""Recordings of real runs of vectorbt, each made once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.adapters.vectorbt.cases import CASES
from tests.adapters.vectorbt.results import recorder

if TYPE_CHECKING:
    from collections.abc import Callable

    from capture.store.recording import Recording


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Any, Recording]]:
    """Return the captured portfolio of a case and its recording."""
    return recorder(tmp_path_factory.mktemp, CASES)
