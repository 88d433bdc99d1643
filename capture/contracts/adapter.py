"""The contract of an adapter: it binds one backtester."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from contextlib import AbstractContextManager
    from pathlib import Path

    from capture.config import SignalCaptureConfig
    from capture.contracts.replay import ReplaySource

__all__ = [
    "Adapter",
    "ListeningAdapter",
    "PerturbingAdapter",
    "RecoveringAdapter",
    "TruncatingAdapter",
]


@runtime_checkable
class Adapter(Protocol):
    """Turns a strategy of its host into one that is recorded while it runs."""

    host: str
    """Name of the backtester, as written into recordings."""

    def wrap(self, strategy: Any, config: SignalCaptureConfig) -> Any:
        """Return what the host accepts in the strategy's place.

        Nothing is written before the host runs it, and the run's results do not change. A strategy
        of a host that takes functions by name (`AdapterInfo.functions`) is a mapping, and so is
        what stands in its place.
        """
        ...

    def replay(self, source: ReplaySource, **options: Any) -> Any:
        """Return what the host accepts in the strategy's place, and that does what was recorded.

        Nothing of the strategy is computed again.
        """
        ...


@runtime_checkable
class ListeningAdapter(Adapter, Protocol):
    """An adapter of a host that has no strategy class: it hears the calls that run something."""

    def listen(
        self, config: SignalCaptureConfig, ended: Callable[[str], None]
    ) -> AbstractContextManager[Callable[[], None] | None]:
        """Record every run that is made while the returned context manager is entered.

        Only runs of the thread that entered are recorded. Nothing of the host stays changed
        afterwards. An adapter that writes runs some time after they were made enters with the
        function that writes those that wait; it has written all of them when it is left.

        Args:
            config: how to record.
            ended: is told the identity of each run when it has ended, whatever its state.
        """
        ...


@runtime_checkable
class RecoveringAdapter(ListeningAdapter, Protocol):
    """An adapter whose runs wait before they are written, and survive their process meanwhile.

    It keeps what it heard in files of its own, `<anything>.<its name>` in the folder `waiting` of
    the store, each of which it holds locked while it lives (`capture.store.locks.Lock`).
    """

    def recover(self, path: Path, store: Path) -> list[str]:
        """Write what waits in a file whose process died, each run once; return their identities.

        It may be called again after a kill in the middle.

        Args:
            path: the file, which is removed afterwards.
            store: folder of the store.
        """
        ...


@runtime_checkable
class TruncatingAdapter(Adapter, Protocol):
    """An adapter that can leave a run part of its data, for `lookahead` and `warmup`.

    Before a captured run begins, and never before a replay, it asks
    `capture.contracts.perturbing.rehearsal()` for the rehearsal's cut, and lets the host run on
    those bars alone. When the run has ended it gives every indicator at every bar to
    `capture.contracts.tracing.keep_trace`. Nothing of the host stays changed afterwards.
    """

    truncates: bool
    """True: the data can be cut."""


@runtime_checkable
class PerturbingAdapter(Adapter, Protocol):
    """An adapter that can run under host settings which are not the user's, for `check-replay`.

    Before a captured run begins, and never before a replay, it asks
    `capture.contracts.perturbing.rehearsal()` whether it is rehearsed, changes the setting that the
    rehearsal's perturbation names, and records the settings as they are then. Nothing of the host
    stays changed afterwards.
    """

    perturbations: Collection[str]
    """Those of `capture.contracts.perturbing.PERTURBATIONS` that the host has a setting for."""
