from __future__ import annotations

from capture.testing import BackendContract


class TestJson(BackendContract):
    backend = "json"
