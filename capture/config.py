"""The settings of one recorder, checked where they are made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

from capture.errors import ConfigError, did_you_mean
from capture.hiding import without_secrets

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Durability", "Invalid", "Overload", "PluginFailure", "SignalCaptureConfig", "Tell"]

Durability = Literal["journal", "fsync", "memory"]
Overload = Literal["block", "halt", "drop"]
Invalid = Literal["raise", "quarantine"]
PluginFailure = Literal["disable", "raise"]
Tell = Literal["at_once", "by_block"]

_CHOICES: Final = {
    "durability": get_args(Durability),
    "overload": get_args(Overload),
    "invalid": get_args(Invalid),
    "plugin_failure": get_args(PluginFailure),
    "tell": get_args(Tell),
}
_COUNTS: Final = ("buffer_size", "max_pending_blocks", "batch_size")


@dataclass(frozen=True, kw_only=True)
class SignalCaptureConfig:
    """How a recorder works.

    Attributes:
        backend: name of the storage backend ("parquet", "hdf5", "json", "sql", "postgres",
            "memory", or a plugin's).
        storage_path: the store: a folder, or a URL that fsspec knows.
        buffer_size: events per block; a full block is handed to the backend.
        compression: the backend's compression word; None is the backend's own default.
        durability: "journal" survives a killed process, "fsync" a power cut, "memory" neither.
        overload: what happens when the backend cannot keep up: wait, stop, or drop and count.
        max_pending_blocks: how many full blocks may wait for the writer thread.
        asynchronous: write blocks in a background thread.
        batch_size: signals per batch of the asyncio face.
        batch_seconds: longest wait of a batch of the asyncio face.
        invalid: raise on a bad signal, or quarantine it and go on.
        plugin_failure: disable an observer that raises, or let its error through.
        tell: whether observers hear of signals, orders, fills and statuses as they happen, or of
            those of a block when the backend has it, which costs the run itself nothing. Bars and
            changes of a regime are told as they happen.
        self_contained: copy market data into every signal instead of looking it up by bar index.
        symbol: name of the instrument, for hosts that do not know it.
        timeframe: length of a bar, for hosts that do not know it; by default it is measured.
        classifiers: names of regime classifiers, or by name their options; among them
            `hysteresis_bars`, how many further bars must confirm a new state. A function under a
            name of its own is a classifier, too.
        seed: seed of the run's random numbers, kept in the run's record.
        signing_key: key file that signs the manifest (HMAC bytes or an Ed25519 private key in PEM).
        options: further words for the backend.
    """

    backend: str = "parquet"
    storage_path: str | Path = "signals"
    buffer_size: int = 4096
    compression: str | None = None
    durability: Durability = "journal"
    overload: Overload = "block"
    max_pending_blocks: int = 8
    asynchronous: bool = False
    batch_size: int = 50
    batch_seconds: float = 5.0
    invalid: Invalid = "raise"
    plugin_failure: PluginFailure = "disable"
    tell: Tell = "at_once"
    self_contained: bool = False
    symbol: str | None = None
    timeframe: str | None = None
    classifiers: Mapping[str, Any] | Iterable[str] = field(default_factory=dict)
    seed: int | None = None
    signing_key: str | Path | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        said = ((f.name, without_secrets(getattr(self, f.name), f.name)) for f in fields(self))
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in said)})"

    def __post_init__(self) -> None:
        """Refuse values that cannot work."""
        for name, allowed in _CHOICES.items():
            value = getattr(self, name)
            if value not in allowed:
                words = ", ".join(allowed)
                raise ConfigError(
                    name, value, f"choose one of {words}.{did_you_mean(str(value), allowed)}"
                )
        for name in _COUNTS:
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise ConfigError(name, value, "a whole number of at least 1 is needed")
        if not self.batch_seconds > 0:
            raise ConfigError("batch_seconds", self.batch_seconds, "more than 0 is needed")
        object.__setattr__(self, "classifiers", _classifiers(self.classifiers))
        if not isinstance(self.storage_path, (str, Path)) or not str(self.storage_path):
            raise ConfigError("storage_path", self.storage_path, "a folder or a URL is needed")

    @classmethod
    def from_options(
        cls, store: str | Path, options: Mapping[str, Any], **defaults: Any
    ) -> SignalCaptureConfig:
        """Build the settings from the keyword arguments of ``wrap``; a misspelt one is refused."""
        known = {f.name for f in fields(cls)} - {"storage_path"}
        for name in options:
            if name not in known:
                raise ConfigError(
                    name,
                    options[name],
                    f"there is no such option.{did_you_mean(name, {*known, 'store'})}",
                )
        return cls(**{**defaults, "storage_path": store, **options})


def _classifiers(said: Any) -> dict[str, Any]:
    """Return classifiers by name; those that are only named have no options."""
    if isinstance(said, str):
        said = (said,)
    if not isinstance(said, Mapping):
        said = {name: {} for name in said}
    for name, options in said.items():
        if not isinstance(name, str) or not (callable(options) or isinstance(options, Mapping)):
            raise ConfigError("classifiers", name, "name classifiers, each with options or not")
    return dict(said)
