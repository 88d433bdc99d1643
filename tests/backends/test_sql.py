from __future__ import annotations

from capture.testing import BackendContract


class TestSql(BackendContract):
    backend = "sql"
