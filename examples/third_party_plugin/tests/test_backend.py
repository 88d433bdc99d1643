"""The Feather backend keeps the contract of all storage backends."""

from capture.testing import BackendContract


class TestFeather(BackendContract):
    """Runs the whole contract suite."""

    backend = "feather"
