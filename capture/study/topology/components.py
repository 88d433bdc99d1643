"""Finding what a configuration names: registered words, and classes of the user's own modules."""

from __future__ import annotations

import inspect
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

from capture.errors import CaptureError, ConfigError, ConfigurationError, did_you_mean
from capture.host import get_host

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from capture.study.reading import Document

__all__ = ["component", "made", "placed", "refuse_unknown"]


@contextmanager
def placed(document: Document, *path: str | int) -> Iterator[None]:
    """Let an error say where in the configuration its cause was written."""
    try:
        yield
    except ConfigurationError:
        raise
    except ConfigError as exc:
        at = _nearest(document, path, exc.setting)
        raise document.error(at, str(exc), key=at != path) from exc
    except CaptureError as exc:
        raise document.error(path, str(exc)) from exc


def _nearest(document: Document, path: Sequence[str | int], setting: str) -> tuple[str | int, ...]:
    """Return the path of a setting, if the configuration says it right below a path."""
    values = document.values
    for step in path:
        values = values[step]
    for below in (("params",), ("grid", "values"), ("grid",), ()):
        inner = values
        for step in below:
            inner = inner.get(step) if isinstance(inner, dict) else None
        if isinstance(inner, dict) and setting in inner:
            return (*path, *below, setting)
    return tuple(path)


def component(role: str, word: str) -> Any:
    """Return a component by its word, or what a module of the user's own has: `module:name`.

    Raises:
        UnknownName: nothing is registered under the word.
        ConfigError: there is no such module, or it has no such name.
    """
    module, colon, name = word.partition(":")
    if not colon:
        return get_host().component(role, word)
    try:
        found: Any = import_module(module)
    except ImportError as exc:
        raise ConfigError("use", word, f"the module cannot be imported: {exc}") from exc
    for part in name.split("."):
        if not hasattr(found, part):
            hint = did_you_mean(part, [n for n in vars(found) if not n.startswith("_")])
            raise ConfigError("use", word, f"{module} has no {part}.{hint}")
        found = getattr(found, part)
    return found


def refuse_unknown(word: str, made_by: Any, options: Mapping[str, Any]) -> None:
    """Raise ConfigError for an option that a function or class does not take."""
    try:
        parameters = inspect.signature(made_by).parameters.values()
    except (TypeError, ValueError):  # made in C
        return
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return
    known = [p.name for p in parameters if p.kind is not p.VAR_POSITIONAL]
    for name, value in options.items():
        if name not in known:
            hint = did_you_mean(name, known)
            have = "" if hint else f" It has {', '.join(known) or 'none'}"
            raise ConfigError(name, value, f"{word} has no such option.{hint}{have}")


def made(role: str, said: Any) -> Any:
    """Return a stage that a configuration names: a word, or `use` with options.

    Args:
        role: sizer, validator, slippage or commission.
        said: what the configuration says; a function stands for itself.
    """
    if callable(said):
        return said
    if isinstance(said, str):
        said = {"use": said}
    if not isinstance(said, dict) or not isinstance(said.get("use"), str):
        raise ConfigError(role, said, "name it: use: WORD, with its options as further keys")
    options = {name: value for name, value in said.items() if name != "use"}
    maker = component(role, said["use"])
    refuse_unknown(said["use"], maker, options)
    try:
        return maker(**options)
    except TypeError as exc:
        raise ConfigError(role, said, str(exc)) from exc
