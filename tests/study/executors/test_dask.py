"""The executor `dask` keeps the contract."""

from __future__ import annotations

import socket
from time import monotonic
from typing import TYPE_CHECKING

import pytest

from capture.errors import WorkersLost
from capture.testing import ExecutorContract
from capture_dask.executor import DaskExecutor

if TYPE_CHECKING:
    from capture.contracts.executor import Executor


@pytest.mark.slow  # its cluster takes seconds to start
class TestDask(ExecutorContract):
    executor = "dask"

    @pytest.fixture(scope="class")
    @classmethod
    def opened(cls, dask_executor: Executor) -> Executor:
        return dask_executor


@pytest.mark.slow
def test_an_address_where_nobody_answers_is_told_soon() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    began = monotonic()
    with pytest.raises(WorkersLost, match=f"no Dask scheduler answers at {address}") as told:
        DaskExecutor(address=address)
    assert "see whether it runs, and its address" in str(told.value)
    assert monotonic() - began < 40
