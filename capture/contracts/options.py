"""The settings that every backend takes, checked where a backend is made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capture.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["choose_compression", "refuse_unknown"]


def choose_compression(word: str | None, words: Sequence[str]) -> str:
    """Return the compression to use: the word that was given, or the first one there is."""
    if word is None:
        return words[0]
    if word not in words:
        hint = did_you_mean(str(word), words)
        raise ConfigError("compression", word, f"choose one of {', '.join(words)}.{hint}")
    return word


def refuse_unknown(
    owner: object, options: Mapping[str, object], known: Iterable[str] = ("sync",)
) -> None:
    """Raise `ConfigError` for the first option that the owner does not know."""
    for name, value in options.items():
        kind = type(owner).__name__
        raise ConfigError(name, value, f"{kind} has no such option.{did_you_mean(name, known)}")
