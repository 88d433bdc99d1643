from __future__ import annotations

from capture.testing import BackendContract


class TestParquet(BackendContract):
    backend = "parquet"
