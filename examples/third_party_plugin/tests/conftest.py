"""The fixtures that come with Signal Capture for plugin authors."""

pytest_plugins = ["capture.testing.fixtures"]
