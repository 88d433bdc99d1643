"""The executor `ray` keeps the contract."""

from __future__ import annotations

import socket
from time import monotonic
from typing import TYPE_CHECKING

import pytest

from capture.errors import WorkersLost
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
def test_an_address_where_nobody_answers_is_told_soon() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    began = monotonic()
    with pytest.raises(WorkersLost, match=f"no Ray cluster answers at {address}") as told:
        RayExecutor(address=address)
    assert "see whether it runs, and its address" in str(told.value)
    assert monotonic() - began < 40
