"""The executor `ray` keeps the contract."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from capture.errors import ConfigError
from capture.testing import ExecutorContract
from capture_ray.executor import RayExecutor

if TYPE_CHECKING:
    from capture.contracts.executor import Executor


@pytest.mark.slow  # its cluster takes seconds to start
class TestRay(ExecutorContract):
    executor = "ray"

    @pytest.fixture(scope="class")
    @classmethod
    def opened(cls, ray_executor: Executor) -> Executor:
        return ray_executor


@pytest.mark.slow
def test_an_address_is_refused_where_ray_is_connected_already(ray_executor: Executor) -> None:
    assert ray_executor.slots
    with pytest.raises(ConfigError, match=r"address.*connected already"):
        RayExecutor(address="127.0.0.1:6379")
