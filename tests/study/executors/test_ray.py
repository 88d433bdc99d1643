"""The executor `ray` keeps the contract."""

from __future__ import annotations

from capture.testing import ExecutorContract


class TestRay(ExecutorContract):
    executor = "ray"
