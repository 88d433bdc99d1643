"""Every code block of every documentation page runs, and every link leads somewhere."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


@pytest.mark.slow
def test_every_code_block_of_a_page_runs(
    root: Path, page: str, run_page: Callable[[str], Any]
) -> None:
    ran = run_page((root / page).read_text())
    assert ran.status == 0, f"{page}\n{ran.output}"


def test_every_link_of_a_page_leads_to_a_file_or_a_heading(root: Path, page: str) -> None:
    place = root / page
    for link in _LINK.findall(_prose(place.read_text())):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (place.parent / name).resolve() if name else place
        assert target.exists(), f"{page} links to {link}"
        if anchor:
            assert anchor in _anchors(target.read_text()), f"{page} links to {link}"


def test_the_readme_links_to_every_page(root: Path, pages: tuple[str, ...]) -> None:
    linked = set(_LINK.findall((root / "README.md").read_text()))
    unlinked = [page for page in pages if page != "README.md" and page not in linked]
    assert not unlinked


def _prose(text: str) -> str:
    return re.sub(r"^( *)```.*?^\1```$", "", text, flags=re.DOTALL | re.MULTILINE)


def _anchors(text: str) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", _prose(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
