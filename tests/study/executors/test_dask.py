"""The executor `dask` keeps the contract."""

from __future__ import annotations

from capture.testing import ExecutorContract


class TestDask(ExecutorContract):
    executor = "dask"
