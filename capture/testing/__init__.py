"""For plugin authors: contract suites to subclass, hypothesis strategies, and pytest fixtures.

```python
from capture.testing import BackendContract


class TestFeather(BackendContract):
    backend = "feather"
```
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from capture.errors import MissingExtra

try:
    import pytest
except ImportError as exc:
    raise MissingExtra("capture.testing", extra="test", library=exc.name) from exc

if TYPE_CHECKING:
    from capture.testing.adapter import AdapterContract
    from capture.testing.any_run import AnyRunContract
    from capture.testing.backend import BackendContract
    from capture.testing.classifier import ClassifierContract
    from capture.testing.executor import ExecutorContract, InProcessExecutorContract
    from capture.testing.remote_sink import RemoteSinkContract
    from capture.testing.volatile import VolatileBackendContract

__all__ = [
    "AdapterContract",
    "AnyRunContract",
    "BackendContract",
    "ClassifierContract",
    "ExecutorContract",
    "InProcessExecutorContract",
    "RemoteSinkContract",
    "VolatileBackendContract",
]

_HOMES: Final = {
    "AdapterContract": "capture.testing.adapter",
    "AnyRunContract": "capture.testing.any_run",
    "BackendContract": "capture.testing.backend",
    "ClassifierContract": "capture.testing.classifier",
    "RemoteSinkContract": "capture.testing.remote_sink",
    "ExecutorContract": "capture.testing.executor",
    "InProcessExecutorContract": "capture.testing.executor",
    "VolatileBackendContract": "capture.testing.volatile",
}

# A failing suite shows the values that were compared, as a test of one's own does.
pytest.register_assert_rewrite(
    *_HOMES.values(),
    "capture.testing.laws",
    "capture.testing.reference",
    "capture.testing.replaying",
    "capture.testing.running",
    "capture.testing.traces",
)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'capture.testing' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return value
