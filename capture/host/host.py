"""The face of the plugin host: what plugins offer, by name, and how they all are."""

from __future__ import annotations

from contextlib import contextmanager
from threading import Lock, RLock
from typing import TYPE_CHECKING, Any, cast

from capture import observers
from capture.errors import CaptureError, PluginError, UnknownName
from capture.host.registry import Registry
from capture.host.trouble import missing_library, told

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from importlib.metadata import EntryPoint

    import click
    from pluggy import PluginManager

    from capture.contracts import info as records
    from capture.contracts.adapter import Adapter
    from capture.contracts.backend import StorageBackend
    from capture.contracts.classifier import Classifier
    from capture.contracts.repository import Repository
    from capture.events import RunInfo
    from capture.host.report import PluginReport
    from capture.observers import PluginFailures

__all__ = ["Host", "get_host", "use_host"]


class Host:
    """Knows the plugins. Entry points are looked for when something is first asked for.

    Every plugin is let in on its own: one that cannot be imported or that makes a mistake is kept
    out and reported, and the others do not notice. Safe to use from several threads.
    """

    def __init__(self, entry_points: Iterable[EntryPoint] | None = None) -> None:
        """Make a host of these entry points; None stands for all that are installed."""
        self._given = None if entry_points is None else tuple(entry_points)
        self._lock = RLock()
        self._looked = False
        self._registry = Registry()

    def register(self, plugin: object, name: str | None = None) -> str:
        """Let a plugin in by hand, and return the name it goes by.

        Args:
            plugin: a module, or an object with methods, marked with ``hookimpl``.
            name: name to report it under; its own, or that of its class, where none is given.

        Raises:
            PluginError: it makes a mistake, or offers a name that is already taken.
        """
        with self._lock:
            return self._loaded().add(plugin, name).name

    def unregister(self, plugin: object) -> None:
        """Let a plugin go, given itself or its name; a run that goes on keeps what it bound."""
        with self._lock:
            self._loaded().remove(plugin)

    def reports(self) -> list[PluginReport]:
        """Return how every plugin is, the broken ones too; this never raises."""
        with self._lock:
            return [record.report() for record in self._loaded().records]

    def bind(
        self, hook_name: str, run: RunInfo, failures: PluginFailures
    ) -> Callable[[Any], None] | None:
        """Return what tells a hook's observers of an event, or None where nobody listens.

        It is meant to be called once per run and hook; plugins that come later are not told.
        """
        return observers.bind(self, hook_name, run, failures)

    @property
    def manager(self) -> PluginManager:
        """The plugins that were let in."""
        with self._lock:
            return self._loaded().manager

    def backends(self) -> dict[str, records.BackendInfo]:
        """Return the storage backends by name."""
        return self._named("backend")

    def adapters(self) -> dict[str, records.AdapterInfo]:
        """Return the adapters to backtesters by name."""
        return self._named("adapter")

    def classifiers(self) -> dict[str, records.ClassifierInfo]:
        """Return the regime classifiers by name."""
        return self._named("classifier")

    def analyses(self) -> dict[str, records.AnalysisInfo]:
        """Return the analyses by name."""
        return self._named("analysis")

    def executors(self) -> dict[str, records.ExecutorInfo]:
        """Return the executors by name."""
        return self._named("executor")

    def objectives(self) -> dict[str, records.ObjectiveInfo]:
        """Return the objectives of portfolios by name."""
        return self._named("objective")

    def remote_sinks(self) -> dict[str, records.RemoteSinkInfo]:
        """Return the remote sinks by name."""
        return self._named("remote sink")

    def repositories(self) -> dict[str, records.RepositoryInfo]:
        """Return the repositories of signals by name."""
        return self._named("repository")

    def commands(self) -> dict[str, records.CommandInfo]:
        """Return the verbs of the command line by name."""
        return self._named("command")

    def components(self, role: str) -> dict[str, records.ComponentInfo]:
        """Return the components of topologies that have a role, by the word that a user types."""
        return {i.word: i for i in self._named("component").values() if i.role == role}

    def backend(self, name: str) -> Callable[..., StorageBackend]:
        """Import and return the class of a storage backend."""
        return cast("Callable[..., StorageBackend]", self._load("backend", name))

    def adapter(self, name: str) -> Adapter:
        """Import and return the adapter to a backtester."""
        return cast("Adapter", self._load("adapter", name))

    def classifier(self, name: str) -> Classifier:
        """Import and return a regime classifier."""
        return cast("Classifier", self._load("classifier", name))

    def analysis(self, name: str) -> Callable[..., Any]:
        """Import and return an analysis."""
        return cast("Callable[..., Any]", self._load("analysis", name))

    def executor(self, name: str) -> Callable[..., Any]:
        """Import and return the class of an executor."""
        return cast("Callable[..., Any]", self._load("executor", name))

    def objective(self, name: str) -> Any:
        """Import and return the class of an objective."""
        return self._load("objective", name)

    def remote_sink(self, name: str) -> Callable[..., Any]:
        """Import and return the class of a remote sink."""
        return cast("Callable[..., Any]", self._load("remote sink", name))

    def repository(self, name: str) -> Callable[..., Repository]:
        """Import and return the class of a repository of signals."""
        return cast("Callable[..., Repository]", self._load("repository", name))

    def command(self, name: str) -> click.Command:
        """Import and return a verb of the command line."""
        return cast("click.Command", self._load("command", name))

    def component(self, role: str, word: str) -> Any:
        """Import and return a component of topologies."""
        known = self.components(role)
        if word not in known:
            raise UnknownName(role, word, known)
        return self._load("component", f"{role}.{word}")

    def _loaded(self) -> Registry:
        # Looked for once, and before anything is loaded: a plugin that asks the host for something
        # while it is imported finds what was let in before it.
        if not self._looked:
            self._looked = True
            self._registry.add_entry_points(self._given)
        return self._registry

    def _named(self, kind: str) -> dict[str, Any]:
        with self._lock:
            return {name: info for name, (info, _) in self._loaded().offers[kind].items()}

    def _load(self, kind: str, name: str) -> Any:
        with self._lock:
            offers = self._loaded().offers[kind]
        if name not in offers:
            raise UnknownName(kind, name, offers)
        info, owner = offers[name]
        try:
            return info.get()
        except CaptureError:
            raise
        except Exception as error:
            library = missing_library(error, getattr(info.load, "__module__", ""))
            if library:
                raise info.missing_extra(library) from error
            raise PluginError(
                owner.name, f"{kind} {name} cannot be loaded: {told(error)}"
            ) from error


class _Process:
    """The host of this process, made when it is first asked for."""

    lock = Lock()
    host: Host | None = None


def get_host() -> Host:
    """Return the plugin host of this process."""
    with _Process.lock:
        if _Process.host is None:
            _Process.host = Host()
        return _Process.host


@contextmanager
def use_host(host: Host) -> Iterator[Host]:
    """Make a host the one of this process, for as long as the block lasts."""
    with _Process.lock:
        before, _Process.host = _Process.host, host
    try:
        yield host
    finally:
        with _Process.lock:
            _Process.host = before
