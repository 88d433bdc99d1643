"""What a run was made of: code, revision, libraries, interpreter. Cheap enough for every run."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from capture._version import __version__
from capture.store.records import compact, plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "code_hash",
    "config_hash",
    "git_dirty",
    "git_revision",
    "library_versions",
    "surroundings",
]

_ALWAYS: Final = ("numpy", "pandas", "pyarrow")
_GIT_TIMEOUT_SECONDS: Final = 5.0


def code_hash(source: str | None) -> str | None:
    """Return the SHA-256 of a strategy's source text."""
    if source is None:
        return None
    return hashlib.sha256(source.encode("utf-8", "backslashreplace")).hexdigest()


def config_hash(*parts: Mapping[str, Any]) -> str:
    """Return the SHA-256 of everything that was set: equal settings have equal hashes."""
    text = compact({"parts": [plain(part) for part in parts]})
    return hashlib.sha256(text.encode()).hexdigest()


@cache
def surroundings() -> dict[str, Any]:
    """Return what stays the same as long as the process lives."""
    return {
        "capture": __version__,
        "python": platform.python_version(),
        "implementation": sys.implementation.name,
        "platform": platform.platform(),
    }


def library_versions(names: Iterable[str]) -> dict[str, str]:
    """Return the versions of the libraries that the results may depend on."""
    versions = {name: _version(name) for name in (*_ALWAYS, *names)}
    return {name: version for name, version in versions.items() if version is not None}


@cache
def _version(name: str) -> str | None:
    # A library that is loaded tells its version at once; asking the installation reads files.
    told = getattr(sys.modules.get(name), "__version__", None)
    if isinstance(told, str):
        return told
    from importlib import metadata

    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def git_revision(folder: Path) -> str | None:
    """Return the commit that is checked out around a folder, read without running git."""
    try:
        git = _git_folder(folder)
        return None if git is None else _resolve_head(git)
    except (OSError, UnicodeDecodeError):
        return None


def _git_folder(folder: Path) -> Path | None:
    for place in (folder, *folder.parents):
        git = place / ".git"
        if git.is_dir():
            return git
        if git.is_file():  # a worktree or a submodule: the file says where the folder is
            return (place / git.read_text().removeprefix("gitdir:").strip()).resolve()
    return None


def _resolve_head(git: Path) -> str | None:
    head = (git / "HEAD").read_text().strip()
    if not head.startswith("ref:"):
        return head or None
    reference = head.removeprefix("ref:").strip()
    pointer = git / "commondir"
    shared = (git / pointer.read_text().strip()).resolve() if pointer.is_file() else git
    for place in (git, shared):
        if (place / reference).is_file():
            return (place / reference).read_text().strip() or None
    packed = shared / "packed-refs"
    if packed.is_file():
        for line in packed.read_text().splitlines():
            revision, _, name = line.partition(" ")
            if name == reference:
                return revision
    return None  # a branch without a commit


@cache
def git_dirty(folder: Path) -> bool | None:
    """Say whether tracked files differ from the commit; None where git cannot tell.

    It is asked once per process and folder, when the first run there ends.
    """
    if _git_folder_or_none(folder) is None:
        return None
    try:
        done = subprocess.run(
            ["git", "status", "--porcelain", "--untracked-files=no"],
            cwd=folder,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_GIT_TIMEOUT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return bool(done.stdout.strip()) if done.returncode == 0 else None


def _git_folder_or_none(folder: Path) -> Path | None:
    try:
        return _git_folder(folder)
    except (OSError, UnicodeDecodeError):
        return None
