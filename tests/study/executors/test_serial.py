"""The executor `serial` keeps the contract of one without processes."""

from __future__ import annotations

import pytest

from capture.errors import ConfigError
from capture.study.executors.running import open_executor
from capture.testing import InProcessExecutorContract


class TestSerial(InProcessExecutorContract):
    executor = "serial"
    workers = 1


def test_more_than_one_worker_is_refused_and_told_where_they_are() -> None:
    with pytest.raises(ConfigError, match='executor="processes"'), open_executor("serial", 4):
        pass
