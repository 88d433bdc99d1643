"""The policy for observers that raise, and the record of what they did."""

from __future__ import annotations

import traceback
import warnings
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from capture.errors import CaptureWarning

if TYPE_CHECKING:
    from capture.config import PluginFailure

__all__ = ["PluginFailures", "Watched", "is_let_through"]

_LONGEST_ERROR: Final = 500
"""Characters of an error's text that are kept."""


@dataclass(slots=True)
class Watched:
    """How one plugin does in one run."""

    plugin: str
    disabled: bool = False
    count: int = 0
    hook: str = ""
    error: str = ""


_LET_THROUGH: Final = "raised by the capture plugin"


def is_let_through(error: BaseException) -> bool:
    """Say whether a plugin raised an error which the settings let through.

    An adapter asks before it takes an error for one of what it was about to write.
    """
    return any(note.startswith(_LET_THROUGH) for note in getattr(error, "__notes__", ()))


class PluginFailures:
    """What went wrong in plugins during one run, for the run's record.

    With the policy "disable", a plugin that raises is not called again in this run, in any of its
    hooks; with "raise", its error is counted and goes on to the caller.
    """

    def __init__(self, policy: PluginFailure = "disable") -> None:
        self._policy = policy
        self._lock = Lock()
        self._watched: dict[str, Watched] = {}

    def __len__(self) -> int:
        """Return how many plugins failed."""
        return len(self.counts)

    @property
    def counts(self) -> dict[str, int]:
        """How often each plugin failed; those that never did are left out."""
        with self._lock:
            return {name: it.count for name, it in self._watched.items() if it.count}

    @property
    def disabled(self) -> tuple[str, ...]:
        """The plugins that are not called again."""
        with self._lock:
            return tuple(name for name, it in self._watched.items() if it.disabled)

    def to_dict(self) -> dict[str, dict[str, Any]]:
        """Return count, hook and text of the first error, per plugin, ready for JSON."""
        with self._lock:
            return {
                name: {
                    "count": it.count,
                    "hook": it.hook,
                    "error": it.error,
                    "disabled": it.disabled,
                }
                for name, it in sorted(self._watched.items())
                if it.count
            }

    def watch(self, plugin: str) -> Watched:
        """Return the entry of a plugin; whoever calls it looks there whether it is disabled."""
        with self._lock:
            return self._watched.setdefault(plugin, Watched(plugin))

    def caught(self, watched: Watched, hook: str, error: Exception) -> bool:
        """Note a plugin's error; False says that the policy is to raise it."""
        text = _one_line(error)
        with self._lock:
            watched.count += 1
            first = watched.count == 1
            if first:
                watched.hook, watched.error = hook, text
            watched.disabled = self._policy == "disable"
        if not watched.disabled:
            error.add_note(f'{_LET_THROUGH} "{watched.plugin}" in {hook}')
            return False
        if first:
            _warn(watched, error)
        return True


def _one_line(error: Exception) -> str:
    """Return an error's text, which may be long, hostile or unprintable, fit for a record."""
    text = " ".join("".join(traceback.format_exception_only(error)).split())
    text = text.encode("utf-8", "replace").decode()
    return text if len(text) <= _LONGEST_ERROR else f"{text[:_LONGEST_ERROR]}..."


def _warn(watched: Watched, error: Exception) -> None:
    *_, (frame, line) = traceback.walk_tb(error.__traceback__)
    message = (
        f'plugin "{watched.plugin}" is disabled for the rest of this run: '
        f"{watched.hook} raised {watched.error}"
    )
    try:
        warnings.warn_explicit(message, CaptureWarning, frame.f_code.co_filename, line)
    except CaptureWarning:
        # The filters make errors of warnings. That is no wish to let a plugin break the run, for
        # which there is a policy; but it must not be passed over in silence either.
        from logging import getLogger

        getLogger("capture").warning(message)
