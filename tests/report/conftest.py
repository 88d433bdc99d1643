"""Recordings that several tests of the report read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.report.recordings import by_hand, ran

if TYPE_CHECKING:
    from capture.store.recording import Recording


@pytest.fixture(scope="session")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    """A strategy on GOOG with regimes, fills, and many refusals."""
    store = tmp_path_factory.mktemp("busy") / "signals"
    return ran(store, classifiers=["trend", "volatility"])


@pytest.fixture(scope="session")
def handmade(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    """Sixty signals by hand: no bars, no fills, no equity."""
    return by_hand(tmp_path_factory.mktemp("hand") / "signals")
