"""No file of the repository is bound to one machine."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

import pytest
from pathspec import GitIgnoreSpec

from capture._version import __version__

ADDRESSES: Final = re.compile(
    r"pypi\.org|pythonhosted\.|npmjs\.|deb\.debian\.|anaconda\.org|index[-]url|find[-]links"
)
HOME_PATHS: Final = re.compile(r"(?<![\w.~*-])/(?:home|Users|root|work)/\w|[A-Z]:\\+Users\\")


def kept_files(root: Path) -> list[Path]:
    """Every file that is not ignored, whether or not git is installed."""
    ignored = GitIgnoreSpec.from_lines(
        [".git/", *(root / ".gitignore").read_text(encoding="utf-8").splitlines()]
    )
    found: list[Path] = []
    for folder, inner, names in os.walk(root):
        here = Path(folder).relative_to(root)
        inner[:] = [name for name in inner if not ignored.match_file(f"{here / name}/")]
        found += [root / here / name for name in names if not ignored.match_file(here / name)]
    return found


def findings(files: list[Path], pattern: re.Pattern[str]) -> list[str]:
    """Each line that matches, as `file:line: text`."""
    return [
        f"{path}:{number}: {line.strip()}"
        for path in files
        for number, line in enumerate(path.read_text("utf-8", errors="ignore").splitlines(), 1)
        if pattern.search(line)
    ]


def test_the_files_are_found_without_what_tools_leave_behind(root: Path) -> None:
    found = {path.relative_to(root).as_posix() for path in kept_files(root)}
    assert {"pyproject.toml", ".ci/run", "capture/_version.py", "plugins/README.md"} <= found
    left_behind = re.compile(r"(^|/)(\.venv[^/]*|\.git|__pycache__|\.[a-z_]+_cache)/")
    assert not [name for name in found if left_behind.search(name)]


def test_no_file_holds_the_address_of_a_package_registry(root: Path) -> None:
    assert findings(kept_files(root), ADDRESSES) == []


def test_no_file_holds_an_absolute_path_of_somebodys_machine(root: Path) -> None:
    assert findings(kept_files(root), HOME_PATHS) == []


# A mark stands for what would make this file find itself.
@pytest.mark.parametrize(
    ("pattern", "line"),
    [
        (ADDRESSES, "pip install --extra-index@url x".replace("@", "-")),
        (ADDRESSES, "see files.pythonhosted@org".replace("@", ".")),
        (HOME_PATHS, "store = '@home@someone@signals'".replace("@", "/")),
        (HOME_PATHS, "see @Users@someone".replace("@", "/")),
        (HOME_PATHS, "see C:@Users@someone".replace("@", "\\")),
    ],
)
def test_a_line_that_is_bound_to_a_machine_is_found(
    tmp_path: Path, pattern: re.Pattern[str], line: str
) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"fine\n{line}\n", encoding="utf-8")
    assert findings([page], pattern) == [f"{page}:2: {line}"]


def test_the_changelog_has_a_place_for_what_comes_next_and_for_this_version(root: Path) -> None:
    text = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## \[([^\]]+)\]", text, flags=re.MULTILINE)
    assert headings[0] == "Unreleased"
    assert len(headings) == 1 or headings[1] == __version__
