from __future__ import annotations

from capture.testing import BackendContract


class TestHdf5(BackendContract):
    backend = "hdf5"
