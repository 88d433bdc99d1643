"""Every error this package raises: what was wrong, where, and what to do next."""

from __future__ import annotations

from difflib import get_close_matches
from types import FunctionType
from typing import TYPE_CHECKING, Any, Final

from capture.hiding import without_secrets

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

__all__ = [
    "BackendFailed",
    "CaptureError",
    "CaptureHalted",
    "CaptureWarning",
    "ClosedLoop",
    "ConfigError",
    "ConfigurationError",
    "CorruptRecording",
    "DataMismatch",
    "IllegalTransition",
    "InvalidEvent",
    "MissingExtra",
    "NotReplayable",
    "PartBusy",
    "PluginError",
    "ReadingFailed",
    "RunNotFound",
    "SignalNotFound",
    "StatusConflict",
    "StorageFull",
    "StoreError",
    "UnknownName",
    "UnsupportedHost",
    "UnsupportedStrategy",
    "WorkersLost",
    "WrongFunctions",
    "did_you_mean",
]


class CaptureError(Exception):
    """The base of every error of this package."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Let an error go from a worker process to whoever waits for it, with all its facts."""
        return _made_again, (type(self), self.args, vars(self))


def _made_again(kind: type[CaptureError], args: tuple[Any, ...], facts: dict[str, Any]) -> Any:
    error = kind.__new__(kind, *args)
    vars(error).update(facts)
    return error


class CaptureWarning(UserWarning):
    """Something went wrong that did not stop the run; the run's record says so too."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a hint such as ``' Did you mean "rsi"?'``, or an empty string."""
    close = get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f' Did you mean "{close[0]}"?' if close else ""


class ConfigError(CaptureError, ValueError):
    """A setting has a value it cannot have."""

    def __init__(self, setting: str, value: object, mend: str) -> None:
        """Name the setting, its value without what is secret of it, and the mend."""
        self.setting: Final = setting
        self.value: Final = without_secrets(value, setting)
        super().__init__(f"{setting}={self.value!r} cannot be used: {mend}")


class ConfigurationError(CaptureError, ValueError):
    """A configuration says something that cannot be, at a place in a file or in a mapping."""

    def __init__(self, mistakes: Iterable[tuple[str, str]]) -> None:
        """Name each place, such as ``workflow.yaml:12:5``, and what is wrong there."""
        self.mistakes: Final = tuple((str(place), problem) for place, problem in mistakes)
        super().__init__("\n".join(f"{place}: {problem}" for place, problem in self.mistakes))

    @property
    def place(self) -> str:
        """The place of the first mistake."""
        return self.mistakes[0][0]

    @property
    def problem(self) -> str:
        """What is wrong there."""
        return self.mistakes[0][1]


class UnknownName(CaptureError, LookupError):
    """A name was asked for that nothing is registered under."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        """Name what was looked for and what there is."""
        self.kind: Final = kind
        self.name: Final = name
        self.known: Final = tuple(sorted(set(known)))
        have = ", ".join(self.known) or "none"
        super().__init__(
            f'no {kind} is called "{name}".{did_you_mean(name, self.known)} There are: {have}'
        )


class MissingExtra(CaptureError, ImportError):
    """An optional library is not installed."""

    def __init__(
        self,
        what: str,
        *,
        extra: str | None,
        library: str | None = None,
        distribution: str = "signal-capture",
    ) -> None:
        """Name the feature, the extra that brings it and whose, and the library that is missing."""
        self.what: Final = what
        self.extra: Final = extra
        self.library: Final = library
        wanted = f"'{distribution}[{extra}]'" if extra else library or what
        self.mend: Final = f"pip install {wanted}"
        missing = f" ({library} is not installed)" if library else ""
        super().__init__(f"{what} needs an optional library{missing}: {self.mend}")


class PluginError(CaptureError):
    """A plugin cannot be loaded or registered, or failed."""

    def __init__(self, plugin: str, problem: str, mend: str = "") -> None:
        """Name the plugin, the problem and the mend."""
        self.plugin: Final = plugin
        self.problem: Final = problem
        self.mend: Final = mend
        super().__init__(f'plugin "{plugin}": {problem}' + (f"; {mend}" if mend else ""))


class UnsupportedStrategy(CaptureError, TypeError):
    """No adapter takes this object."""

    def __init__(
        self,
        strategy: object,
        supported: Iterable[str],
        missing: Iterable[str],
        heard: Iterable[str] = (),
        functions: Mapping[str, Iterable[str]] | None = None,
        class_of: str | None = None,
    ) -> None:
        """Name the object, the supported backtesters, and the extras that are not installed.

        Those in `heard` have no strategy to wrap, and are recorded by `capture.record`; those in
        `functions` take functions by these names. Of the backtester `class_of`, the object's class
        is a strategy.
        """
        self.supported: Final = tuple(sorted(supported))
        self.missing: Final = tuple(sorted(missing))
        named = strategy if isinstance(strategy, (type, FunctionType)) else type(strategy)
        kind = named.__name__
        hosts = ", ".join(self.supported) or "none"
        if class_of is not None:
            super().__init__(
                f"capture.wrap() was given an object of {kind}, which is a strategy of {class_of}: "
                f"give the class itself: capture.wrap({kind}, store=...)"
            )
            return
        mend = "".join(f" pip install 'signal-capture[{extra}]'" for extra in self.missing)
        super().__init__(
            f"capture.wrap() does not know what {kind} is a strategy of. Supported: {hosts}."
            + (f" Not installed:{mend}." if mend else "")
            + "".join(
                f" {host} has no strategy to wrap: put `with capture.record(store):` around calls."
                for host in sorted(heard)
            )
            + "".join(
                f" {host} takes functions by name: capture.wrap({_named(names)}, store=...)."
                for host, names in sorted((functions or {}).items())
            )
            + " An object with generate_signal(market_data) goes into CaptureAwareStrategy."
        )


class WrongFunctions(CaptureError, TypeError):
    """A strategy that is made of functions was not handed over as its backtester takes them."""

    def __init__(
        self, problem: str, functions: Mapping[str, Iterable[str]], needs: Iterable[str] = ()
    ) -> None:
        """Say what is wrong, and by which names backtesters take functions."""
        self.functions: Final = {host: tuple(names) for host, names in functions.items()}
        self.needs: Final = tuple(needs)
        super().__init__(
            f"capture.wrap() {problem}."
            + "".join(
                f" For {host}: capture.wrap({_named(names)}, store=...)."
                for host, names in sorted(self.functions.items())
            )
        )


def _named(names: Iterable[str]) -> str:
    return ", ".join(f"{name}=..." for name in names)


class UnsupportedHost(CaptureError, TypeError):
    """No backtester that can be recorded without a strategy class is installed."""

    def __init__(self, supported: Iterable[str]) -> None:
        """Name those there are, and how to install them."""
        self.supported: Final = tuple(sorted(supported))
        mends = " or ".join(f"pip install 'signal-capture[{name}]'" for name in self.supported)
        super().__init__(
            "capture.record() is for backtesters without a strategy class, and none is installed. "
            + (f"Install one: {mends}. " if mends else "")
            + "A strategy class or object goes into capture.wrap()."
        )


class InvalidEvent(CaptureError, ValueError):
    """An event that was offered cannot be recorded as it is."""

    def __init__(self, field: str, value: object, problem: str) -> None:
        """Name the field, its value and what is wrong with it."""
        self.field: Final = field
        self.value: Final = value
        self.problem: Final = problem
        super().__init__(f"{field}={value!r}: {problem}")


class ReadingFailed(CaptureError):
    """What a backtester keeps could not be read, in a way that the adapter did not foresee."""

    def __init__(self, error: Exception) -> None:
        """Say what was raised."""
        super().__init__(
            "what the backtester keeps could not be read, which is a mistake of its adapter or a "
            f"version that it does not know: {type(error).__name__}: {error}. The run goes on; "
            'plugin_failure="raise" shows where it happened'
        )


class StoreError(CaptureError):
    """A store, or something in it, cannot be used."""

    def __init__(self, place: Path | str, problem: str, mend: str = "") -> None:
        """Name the place, the problem and the mend."""
        self.place: Final = str(place)
        self.problem: Final = problem
        self.mend: Final = mend
        super().__init__(f"{place}: {problem}" + (f"; {mend}" if mend else ""))


class RunNotFound(StoreError, KeyError):
    """A store holds no such run."""

    # KeyError would show the message as a repr.
    __str__ = Exception.__str__


class PartBusy(StoreError):
    """Another writer holds this part of a run."""


class StorageFull(StoreError, OSError):
    """Space for the next signals could not be reserved; what was accepted before is safe."""


class BackendFailed(StoreError):
    """A storage backend raised while it was writing."""


class CorruptRecording(StoreError):
    """Stored bytes are not what was written."""


class CaptureHalted(CaptureError):
    """The overload policy ``halt`` stopped the capture; nothing accepted is lost."""

    def __init__(
        self, pending: int, what: str = "blocks", setting: str = "max_pending_blocks"
    ) -> None:
        """Say how many of what waited, and which setting allows more."""
        self.pending: Final = pending
        super().__init__(
            f"storage is too slow: {pending} {what} wait to be written and the policy is 'halt'. "
            f"Raise {setting}, or choose overload='block' or overload='drop'"
        )


class ClosedLoop(CaptureError):
    """A strategy that looked at its portfolio cannot be replayed under other settings."""

    def __init__(self, run_id: str, reads: Iterable[str], changed: Iterable[str]) -> None:
        """Name what the strategy read and which settings are different."""
        self.run_id: Final = run_id
        self.reads: Final = tuple(reads)
        self.changed: Final = tuple(changed)
        super().__init__(
            f"{run_id}: the strategy read {', '.join(self.reads)}, so under other settings "
            f"({', '.join(self.changed)}) it might have wanted other things than were recorded; "
            "to replay what was recorded all the same: .into(..., force=True)"
        )


class DataMismatch(CaptureError):
    """The data of a replay are not those that the recording was made on."""

    def __init__(self, run_id: str, difference: str) -> None:
        """Say how they differ."""
        self.run_id: Final = run_id
        self.difference: Final = difference
        super().__init__(
            f"{run_id} was recorded on other data: {difference}; replay it on the bars of "
            "recording.bars(), or record the strategy on the new data"
        )


class NotReplayable(CaptureError):
    """A recording lacks what this replay needs."""

    def __init__(self, run_id: str, problem: str, mend: str) -> None:
        """Name the recording, the problem and the mend."""
        self.run_id: Final = run_id
        self.problem: Final = problem
        super().__init__(f"{run_id} cannot be replayed: {problem}; {mend}")


class SignalNotFound(CaptureError, LookupError):
    """A repository holds no such signal."""

    def __init__(self, signal_id: str, place: str) -> None:
        """Name the signal and the database that was looked in."""
        self.signal_id: Final = signal_id
        self.place: Final = place
        super().__init__(
            f'there is no signal "{signal_id}" in {place}; save it first, or restore it if it was '
            "archived"
        )


class IllegalTransition(CaptureError, ValueError):
    """A signal cannot go from its state to that one."""

    def __init__(self, signal_id: str, current: str, wanted: str, allowed: Iterable[str]) -> None:
        """Name the signal, both states, and the states it may go to."""
        self.signal_id: Final = signal_id
        self.current: Final = current
        self.wanted: Final = wanted
        self.allowed: Final = tuple(allowed)
        ways = f"it may become {', '.join(self.allowed)}" if self.allowed else "that state is final"
        super().__init__(f"signal {signal_id} is {current} and cannot become {wanted}; {ways}")


class StatusConflict(CaptureError):
    """A signal was changed by someone else since it was read."""

    def __init__(self, signal_id: str, expected: object, found: object) -> None:
        """Name the signal, what the caller had read, and what is there."""
        self.signal_id: Final = signal_id
        self.expected: Final = expected
        self.found: Final = found
        super().__init__(
            f"signal {signal_id} was changed meanwhile: {expected} was expected and {found} is "
            "there; read it again and decide anew"
        )


class WorkersLost(CaptureError, RuntimeError):
    """The workers of an executor cannot be used at all; a single lost worker is no error."""

    def __init__(self, problem: str, mend: str) -> None:
        """Name the problem and the mend."""
        self.problem: Final = problem
        self.mend: Final = mend
        super().__init__(f"{problem}; {mend}")
