"""What went wrong with a plugin, in the words of its report."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from capture.errors import MissingExtra, PluginError
from capture.hookspecs import PROJECT

if TYPE_CHECKING:
    from capture.host.report import PluginState

__all__ = ["Trouble", "missing_library", "told", "trouble_with"]


class Trouble(NamedTuple):
    """Why a plugin is not there, and what to do about it."""

    state: PluginState
    problem: str
    mend: str
    missing_extra: str | None = None


def trouble_with(error: BaseException, *, module: str, otherwise: str) -> Trouble:
    """Say what an error means that was raised while a plugin was let in.

    Args:
        error: the error.
        module: the module that the plugin is in.
        otherwise: the mend where the error names none.
    """
    if isinstance(error, PluginError):
        return Trouble("broken", error.problem, error.mend or otherwise)
    if isinstance(error, MissingExtra):
        needs = f"{error.library}, which is not installed" if error.library else "more than is here"
        return Trouble("missing-extra", f"{error.what} needs {needs}", error.mend, error.extra)
    library = missing_library(error, module)
    if library:
        problem = f"it needs {library}, which is not installed"
        return Trouble("missing-extra", problem, f"pip install {library}")
    return Trouble("broken", f"it cannot be imported: {told(error)}", otherwise)


def missing_library(error: BaseException, module: str) -> str | None:
    """Return the library that an import did not find, unless that is one of the plugin's own."""
    if not isinstance(error, ModuleNotFoundError) or not error.name:
        return None
    library = error.name.partition(".")[0]
    return None if library in (module.partition(".")[0], PROJECT) else library


def told(error: BaseException) -> str:
    """Return an error in one line, with the place in the code where it was raised."""
    text = "".join(traceback.format_exception_only(error)).strip().splitlines()[-1]
    frames = traceback.extract_tb(error.__traceback__)
    if isinstance(error, (ImportError, SyntaxError)) or not frames:
        return text  # the last frame is the import machinery, not the plugin
    return f"{text} ({Path(frames[-1].filename).name}, line {frames[-1].lineno})"
