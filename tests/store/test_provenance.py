"""A run says what it was made of, as git and the installed libraries say it themselves."""

from __future__ import annotations

import subprocess
from importlib import metadata
from typing import TYPE_CHECKING

import pytest

from capture.store.provenance import (
    code_hash,
    config_hash,
    git_dirty,
    git_revision,
    library_versions,
)

if TYPE_CHECKING:
    from pathlib import Path


def git(folder: Path, *words: str) -> str:
    identity = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    done = subprocess.run(
        ["git", *identity, *words], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "checkout"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch=main")
    (folder / "strategy.py").write_text("one")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "one")
    return folder


def test_the_revision_is_what_git_says(checkout: Path) -> None:
    inner = checkout / "a" / "b"
    inner.mkdir(parents=True)
    assert git_revision(inner) == git(checkout, "rev-parse", "HEAD")


def test_packed_detached_and_branched_heads_are_read(checkout: Path) -> None:
    git(checkout, "checkout", "--quiet", "-b", "feature/x")
    git(checkout, "pack-refs", "--all")
    assert git_revision(checkout) == git(checkout, "rev-parse", "HEAD")
    git(checkout, "checkout", "--quiet", "--detach")
    assert git_revision(checkout) == git(checkout, "rev-parse", "HEAD")


def test_a_worktree_has_its_own_revision(checkout: Path, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    git(checkout, "worktree", "add", "--quiet", "-b", "other", str(tree))
    (tree / "strategy.py").write_text("two")
    git(tree, "commit", "--quiet", "-am", "two")
    assert git_revision(tree) == git(tree, "rev-parse", "HEAD")
    assert git_revision(tree) != git_revision(checkout)


def test_where_there_is_no_commit_there_is_no_revision(tmp_path: Path) -> None:
    assert git_revision(tmp_path) is None
    assert git_dirty(tmp_path) is None
    git(tmp_path, "init", "--quiet")
    assert git_revision(tmp_path) is None


def test_a_git_folder_that_is_not_one_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / ".git").write_bytes(b"\xff\xfe")
    assert git_revision(tmp_path) is None
    assert git_dirty(tmp_path) is None


@pytest.mark.parametrize("changed", [True, False])
def test_a_changed_checkout_is_dirty(checkout: Path, changed: bool) -> None:
    if changed:
        (checkout / "strategy.py").write_text("two")
    assert git_dirty(checkout) is changed


def test_without_git_nobody_knows(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    assert git_dirty(checkout) is None
    assert git_revision(checkout) is not None, "the revision is read without running git"


def test_versions_are_those_installed() -> None:
    versions = library_versions(["pluggy", "no-such-library"])
    assert versions["pluggy"] == metadata.version("pluggy")
    assert versions["numpy"] == metadata.version("numpy")
    assert "no-such-library" not in versions


def test_hashes_tell_code_and_settings_apart() -> None:
    assert code_hash(None) is None
    assert code_hash("a") == code_hash("a") != code_hash("b")
    assert config_hash({"a": 1, "b": 2}) == config_hash({"b": 2, "a": 1})
    assert config_hash({"a": 1}, {}) != config_hash({}, {"a": 1})
