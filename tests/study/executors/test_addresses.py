"""An address of Ray at which nobody answers; here, where no other test is connected to Ray."""

from __future__ import annotations

import socket
from time import monotonic

import pytest

from capture.errors import WorkersLost
from capture_ray.executor import RayExecutor


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
