"""`capture.record`: recording hosts that have no strategy class to wrap."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Self

from capture.config import SignalCaptureConfig
from capture.errors import UnsupportedHost
from capture.host import get_host
from capture.store.store import Store
from capture.wrapping import default_store

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from types import TracebackType

    from capture.contracts.info import AdapterInfo
    from capture.store.recording import Recording

__all__ = ["Recorded", "record"]


class Recorded:
    """Records the runs that are made inside a `with`, and lists their recordings.

    Attributes:
        config: how they are recorded.
    """

    def __init__(self, config: SignalCaptureConfig) -> None:
        """Prepare to record; nothing is heard and nothing written yet."""
        self.config = config
        self._runs: list[str] = []
        self._flushes: list[Callable[[], None]] = []
        self._listening = ExitStack()

    @property
    def recordings(self) -> list[Recording]:
        """The recordings of the runs that have ended, oldest first; what waits is written now."""
        for flush in self._flushes:
            flush()
        if not self._runs:
            return []
        store = Store(self.config.storage_path)
        return [store[run_id] for run_id in self._runs]

    def __enter__(self) -> Self:
        with ExitStack() as entered:
            found = [
                entered.enter_context(info.get().listen(self.config, self._runs.append))
                for info in _listening().values()
            ]
            self._listening = entered.pop_all()
        self._flushes = [flush for flush in found if flush is not None]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._flushes = []
        self._listening.__exit__(kind, exc, trace)


def record(store: str | Path | None = None, **options: Any) -> Recorded:
    """Return a context manager that records what runs inside it, in hosts without strategy class.

    Each outermost call that runs something, such as vectorbt's `Portfolio.from_signals`, is a run
    of its own. The results of the calls do not change.

    Args:
        store: folder or URL of the store; by default `CAPTURE_STORE`, or `signals`.
        **options: any setting of `SignalCaptureConfig`.

    Raises:
        ConfigError: an option does not exist, or has a value it cannot have.
    """
    return Recorded(
        SignalCaptureConfig.from_options(
            default_store() if store is None else store, options, invalid="quarantine"
        )
    )


def _listening() -> Mapping[str, AdapterInfo]:
    """Return the adapters that listen: of the hosts imported so far, else of those installed."""
    every = {name: info for name, info in get_host().adapters().items() if info.listens}
    ready = {name: info for name, info in every.items() if not info.missing()}
    if not ready:
        raise UnsupportedHost(every)
    imported = {n: i for n, i in ready.items() if all(lib in sys.modules for lib in i.requires)}
    return imported or ready
