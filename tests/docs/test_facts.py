"""What the pages list in tables is what the code says."""

from __future__ import annotations

import dataclasses
import inspect
import re
import tomllib
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

import capture
from capture import errors
from capture.recorder import getters
from capture.schema import TABLES
from capture.store.signals_table import SIGNAL_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_JOINED = {
    "disposition": "what became of it: a SignalStatus",
    "reason": "why, in the vocabulary of reason codes",
}


def _type_word(kind: pa.DataType) -> str:
    if kind == pa.string():
        return "text"
    if pa.types.is_boolean(kind):
        return "flag"
    if pa.types.is_timestamp(kind):
        return "time"
    return "number" if pa.types.is_floating(kind) else "whole number"


def _section(page: Path, heading: str) -> str:
    """Return what stands under a heading, up to the next one."""
    _, _, rest = page.read_text().partition(f"\n{heading}\n")
    assert rest, f"{page.name} has no heading {heading!r}"
    return re.split(r"^#", rest, maxsplit=1, flags=re.MULTILINE)[0]


def _rows(section: str, head: str) -> list[tuple[str, ...]]:
    """Return the rows of the table whose first heading is `head`."""
    _, _, rest = section.partition(f"| {head} |")
    lines = rest.splitlines()[2:]
    rows = []
    for line in lines:
        if not line.startswith("|"):
            break
        rows.append(tuple(cell.strip() for cell in line.strip("|").split(" | ")))
    return rows


def _declared(columns: Iterable[tuple[str, pa.DataType, str]]) -> list[tuple[str, ...]]:
    return [(f"`{name}`", _type_word(kind), doc) for name, kind, doc in columns]


@pytest.mark.parametrize("name", [name for name in TABLES if name != "signals"])
def test_the_page_on_reading_lists_the_columns_of_every_table(root: Path, name: str) -> None:
    section = _section(root / "docs" / "reading.md", f"### {name}")
    columns = [(c.name, c.type, c.doc) for c in TABLES[name].columns]
    assert _rows(section, "column") == _declared(columns)


def test_the_page_on_reading_lists_the_columns_of_the_frame_of_signals(root: Path) -> None:
    section = _section(root / "docs" / "reading.md", "## The frame of signals")
    stored = {c.name: (c.type, c.doc) for c in TABLES["signals"].columns}
    stored |= {name: (pa.string(), doc) for name, doc in _JOINED.items()}
    columns = [(name, *stored[name]) for name in SIGNAL_COLUMNS]
    assert _rows(section, "column") == _declared(columns)


def test_every_setting_is_listed_with_its_default_and_its_meaning(root: Path) -> None:
    section = _section(root / "docs" / "recording-by-hand.md", "## All settings")
    described = inspect.getdoc(capture.SignalCaptureConfig) or ""
    said = dict(re.findall(r"^    (\w+): (.+(?:\n {8}.+)*)", described, re.MULTILINE))
    expected = []
    for field in dataclasses.fields(capture.SignalCaptureConfig):
        default = {} if field.default is dataclasses.MISSING else field.default
        shown = repr(default).replace("'", '"')
        meaning = " ".join(said[field.name].split()).rstrip(".")
        expected.append((f"`{field.name}`", f"`{shown}`", meaning))
    assert _rows(section, "setting") == expected


def test_every_status_a_signal_can_have_is_named(root: Path) -> None:
    page = (root / "docs" / "recording-by-hand.md").read_text()
    assert [s.value for s in capture.SignalStatus if f"`{s.value}`" not in page] == []


def test_every_field_of_a_context_is_named(root: Path) -> None:
    page = (root / "docs" / "recording-by-hand.md").read_text()
    fields = [field.name for field in dataclasses.fields(capture.SignalContext)]
    assert [name for name in fields if f"`{name}`" not in page] == []


def test_every_getter_that_the_wrapper_looks_for_is_named(root: Path) -> None:
    section = _section(root / "docs" / "recording-by-hand.md", "## Strategies with generate_signal")
    listed = re.findall(r"`(get_\w+)`", section)
    known = re.findall(r'"(get_\w+)"', inspect.getsource(getters))
    assert sorted(listed) == sorted(known)


def test_every_reason_is_explained(root: Path) -> None:
    section = _section(root / "docs" / "tutorial-backtesting.md", "## Why did it not trade?")
    assert [r.value for r in capture.Reason if f"`{r.value}`" not in section] == []


def test_every_error_is_explained(root: Path) -> None:
    page = (root / "docs" / "troubleshooting.md").read_text()
    names = [name for name in errors.__all__ if inspect.isclass(getattr(errors, name))]
    assert [name for name in names if f"`{name}`" not in page] == []


def test_every_extra_is_listed_in_the_readme(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    rows = _rows((root / "README.md").read_text(), "extra")
    listed = set(re.findall(r"`([\w-]+)`", "".join(row[0] for row in rows)))
    assert listed == set(project["optional-dependencies"]) - {"test", "dev"}
