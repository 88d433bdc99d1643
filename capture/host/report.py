"""What is known of one plugin: where it comes from, how it is, and what it offers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from capture.hookspecs import OBSERVATION_HOOKS

if TYPE_CHECKING:
    from capture.contracts.info import Info
    from capture.host.kinds import Kind
    from capture.host.trouble import Trouble

__all__ = ["PluginRecord", "PluginReport", "PluginState"]

PluginState = Literal["loaded", "missing-extra", "broken", "disabled"]


@dataclass(frozen=True)
class PluginReport:
    """One plugin as ``capture plugins`` shows it.

    Attributes:
        name: name of its entry point, or the one it was registered under.
        distribution: distribution it was installed with; None where it was registered by hand.
        version: version of that distribution.
        state: loaded; missing-extra (a library it needs is not installed); broken; or disabled.
        problem: what is wrong, in one line; None where nothing is.
        mend: what to do about it.
        offers: what it brings, such as "backend parquet" or "observer on_signal".
        missing_extra: the extra that would install what is missing.
    """

    name: str
    distribution: str | None
    version: str | None
    state: PluginState
    problem: str | None = None
    mend: str | None = None
    offers: tuple[str, ...] = ()
    missing_extra: str | None = None


@dataclass(eq=False)
class PluginRecord:
    """One plugin as the host keeps it; a plugin that could not be let in has one, too."""

    name: str
    distribution: str | None = None
    version: str | None = None
    plugin: object = None
    hooks: tuple[str, ...] = ()
    infos: tuple[tuple[Kind, Info], ...] = ()
    state: PluginState = "loaded"
    problem: str | None = None
    mend: str | None = None
    missing_extra: str | None = None
    clashes: dict[str, str] = field(default_factory=dict)
    """Names that another plugin offers too, with what is told of it."""
    overruled: set[str] = field(default_factory=set)
    """Those of them where the other plugin goes first."""

    def described(self) -> str:
        """Return the plugin's name, with its distribution where there is one."""
        return f'"{self.name}" ({self.distribution})' if self.distribution else f'"{self.name}"'

    def disable(self, variable: str) -> None:
        """Note that the user left it out through an environment variable."""
        self.state = "disabled"
        self.problem = f"it is left out by {variable}"
        self.mend = f"take it off {variable}"

    def exclude(self, trouble: Trouble) -> None:
        """Note why it could not be let in."""
        self.state, self.problem, self.mend, self.missing_extra = trouble

    def forget_clashes(self) -> None:
        """Begin anew with the names that two plugins offer."""
        self.clashes.clear()
        self.overruled.clear()

    def gives_way(self, offer: str, first: PluginRecord) -> None:
        """Note in both plugins that `first` goes before this one with an offer of the same name."""
        self.overruled.add(offer)
        self.clashes[offer] = f"{offer} is not used: plugin {first.described()} goes first"
        first.clashes[offer] = f"{offer} is used; plugin {self.described()} offers it, too"

    def report(self) -> PluginReport:
        """Return what there is to tell of it now; libraries may have come since it was let in."""
        state, problem, mend, extra = self.state, self.problem, self.mend, self.missing_extra
        if self.clashes:
            problem = "; ".join(self.clashes.values())
            mend = "uninstall one of them, or name the one to leave out in CAPTURE_DISABLE_PLUGINS"
        if absent := self._absent():
            state = "missing-extra"
            problem, mend, extra = absent
        return PluginReport(
            self.name, self.distribution, self.version, state, problem, mend, self._offers(), extra
        )

    def _offers(self) -> tuple[str, ...]:
        brought = (f"{kind.word} {info.name}" for kind, info in self.infos)
        watched = (f"observer {hook}" for hook in OBSERVATION_HOOKS if hook in self.hooks)
        return (*(offer for offer in brought if offer not in self.overruled), *watched)

    def _absent(self) -> tuple[str, str, str | None] | None:
        for kind, info in self.infos:
            for library in info.missing():
                error = info.missing_extra(library)
                problem = f"{kind.word} {info.name} needs {library}, which is not installed"
                return problem, error.mend, error.extra
        return None
