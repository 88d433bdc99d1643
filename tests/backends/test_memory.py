"""The memory backend keeps the contract, and keeps nothing else."""

from __future__ import annotations

from capture.testing import VolatileBackendContract


class TestMemory(VolatileBackendContract):
    backend = "memory"
