"""The light records that a plugin registers; nothing heavy is imported to be listed."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from capture.errors import MissingExtra

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from capture.contracts.fill_rules import FillRules

__all__ = [
    "ROLES",
    "AdapterInfo",
    "AnalysisInfo",
    "BackendInfo",
    "ClassifierInfo",
    "CommandInfo",
    "ComponentInfo",
    "ExecutorInfo",
    "Info",
    "ObjectiveInfo",
    "RemoteSinkInfo",
    "RepositoryInfo",
]


@dataclass(frozen=True)
class Info:
    """Something a plugin offers under a name.

    Attributes:
        name: the word a user types.
        load: imports and returns the class or function; called when it is first needed.
        extra: the extra that installs what it needs, if any.
        requires: import names of the libraries it needs.
        summary: one line that says what it is.
        distribution: whose extra it is; the plugin host fills it in.
    """

    name: str
    load: Callable[[], Any]
    extra: str | None = None
    requires: tuple[str, ...] = ()
    summary: str = ""
    distribution: str = field(default="signal-capture", kw_only=True)

    def missing(self) -> tuple[str, ...]:
        """Return the import names of the libraries that are not installed."""
        return tuple(name for name in self.requires if not _installed(name))

    def get(self) -> Any:
        """Load it; if a library is missing, say which extra brings it."""
        absent = self.missing()
        if absent:
            raise self.missing_extra(absent[0])
        return self.load()

    def missing_extra(self, library: str) -> MissingExtra:
        """Return the error that says which extra brings a library."""
        return MissingExtra(
            self.name, extra=self.extra, library=library, distribution=self.distribution
        )


def _installed(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ValueError:  # imported, by something that left no spec
        return True
    except Exception:  # `a.b` where `a` is not there or cannot be imported
        return False


@dataclass(frozen=True)
class BackendInfo(Info):
    """A storage backend; `load` returns a class that fulfils `StorageBackend`."""

    suffixes: tuple[str, ...] = ()


@dataclass(frozen=True)
class AdapterInfo(Info):
    """An adapter to a backtester; `load` returns an object that fulfils `Adapter`.

    `accepts` says whether the adapter takes a strategy. It is asked for every object that is
    wrapped, so it must not import the backtester: if the object is that host's, it is imported.

    `listens` says that the adapter fulfils `ListeningAdapter`: its host has no strategy class, and
    is recorded by `capture.record`.

    `rules` returns the `capture.contracts.fill_rules.FillRules` of a run from the settings in its
    manifest, without importing the backtester: recordings are explained where it is not installed.

    `functions` names the keyword arguments in which the host takes a strategy that is made of
    functions; those of them in `needs` cannot be left out. Such an adapter is handed a mapping from
    these names, and returns one, which its user spreads where the functions stood.
    """

    accepts: Callable[[object], bool] = lambda _strategy: False
    listens: bool = False
    rules: Callable[[Mapping[str, Any]], FillRules | None] | None = None
    functions: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class ClassifierInfo(Info):
    """A regime classifier; `load` returns a function that fulfils `Classifier`."""


@dataclass(frozen=True)
class AnalysisInfo(Info):
    """An analysis; `load` returns a function from a `Material`, and options, to a `Result`."""


@dataclass(frozen=True)
class ExecutorInfo(Info):
    """An executor of many tasks; `load` returns a class."""


@dataclass(frozen=True)
class ObjectiveInfo(Info):
    """An objective of portfolios; `load` returns a subclass of `Objective`."""


@dataclass(frozen=True)
class RemoteSinkInfo(Info):
    """A remote system that recordings are delivered to; `load` returns a class."""


@dataclass(frozen=True)
class RepositoryInfo(Info):
    """A repository of signals; `load` returns a class that fulfils `Repository`."""


@dataclass(frozen=True)
class CommandInfo(Info):
    """A verb of the command line; `load` returns a `click.Command`."""


ROLES: Final = (
    "feature",
    "strategy",
    "validator",
    "sizer",
    "slippage",
    "commission",
    "part",
)
"""What a component of a topology can be."""


@dataclass(frozen=True)
class ComponentInfo(Info):
    """A component of a topology; its name is its role, a dot, and the word that a user types.

    `load` returns what `capture.contracts.components` says of the role. `part` is for what the
    product itself is made of.
    """

    @property
    def role(self) -> str:
        """What it is: one of `ROLES`."""
        return self.name.partition(".")[0]

    @property
    def word(self) -> str:
        """The word that a user types."""
        return self.name.partition(".")[2]
