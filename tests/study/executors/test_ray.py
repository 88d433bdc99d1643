"""The executor `ray` keeps the contract."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from capture.testing import ExecutorContract

if TYPE_CHECKING:
    from capture.contracts.executor import Executor


@pytest.mark.slow  # its cluster takes seconds to start
class TestRay(ExecutorContract):
    executor = "ray"

    @pytest.fixture(scope="class")
    @classmethod
    def opened(cls, ray_executor: Executor) -> Executor:
        return ray_executor
