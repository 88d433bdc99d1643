"""How a documentation page is run: as one script, whose lines are numbered like the page's."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from tests.hosts import names_one_left_out

ROOT: Final = Path(__file__).parents[2]
_PROJECT: Final = tomllib.loads((ROOT / "pyproject.toml").read_text())


def _pages() -> Iterator[str]:
    """Yield the pages; none of a backtester that does not allow this pandas."""
    yield from ("README.md", "CONTRIBUTING.md", "examples/README.md")
    for page in sorted((ROOT / "docs").glob("*.md")):
        if not names_one_left_out(page.name):
            yield f"docs/{page.name}"


PAGES: Final = tuple(_pages())
_FENCE: Final = re.compile(r"^(?P<indent> *)(?P<ticks>`{3,}|~{3,})(?P<info>.*)$")
_PROMPT: Final = "$ "
_EXITS: Final = re.compile(r"\s+# exits (\d+)$")
_CHECKED: Final = re.compile(r"(make|git clone|(python -m |uv )?pip install)\b")
_WARNINGS: Final = re.compile(r"<!-- warnings: (.+?) -->")
_MOST_SECONDS: Final = 240


class PageError(Exception):
    """A page says something that does not hold."""


@dataclass(frozen=True)
class Block:
    """One fenced code block.

    Attributes:
        line: number of the line that opens it.
        info: what stands behind the opening fence.
        lines: the lines between the fences, without the fence's own indentation.
    """

    line: int
    info: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Ran:
    """What became of a page."""

    status: int
    output: str


def blocks_of(text: str) -> Iterator[Block]:
    """Yield the code blocks of a page, from top to bottom."""
    opened: re.Match[str] | None = None
    start, lines = 0, list[str]()
    for number, line in enumerate(text.splitlines(), 1):
        found = _FENCE.match(line)
        if opened is None:
            if found:
                opened, start, lines = found, number, []
        elif found and found["ticks"].startswith(opened["ticks"]) and not found["info"].strip():
            yield Block(start, opened["info"].strip(), tuple(lines))
            opened = None
        else:
            lines.append(line.removeprefix(opened["indent"]))
    if opened is not None:
        raise PageError(f"line {start}: this code block is not closed")


def script_of(text: str) -> str:
    """Return the script that a page is: each block's lines stand where they stand on the page."""
    script = [""] * (len(text.splitlines()) + 1)
    script[0] = "from console import run as _run; from pathlib import Path as _Path"
    for block in blocks_of(text):
        match block.info.split():
            case ["python"]:
                script[block.line : block.line + len(block.lines)] = block.lines
            case ["console"] | ["console", "exact"]:
                for line, code in _commands(block):
                    script[line - 1] = code
            case ["text"]:
                pass
            case ["json" | "toml"]:
                _parse(block)
            case [_, name] if name.startswith("file="):
                content = "".join(f"{line}\n" for line in block.lines)
                name = name.removeprefix("file=")
                script[block.line - 1] = f"_Path({name!r}).write_text({content!r})"
            case _:
                raise PageError(f"line {block.line}: nobody knows how to run {block.info!r}")
    return "\n".join(script)


def _commands(block: Block) -> Iterator[tuple[int, str]]:
    """Yield the line and the code of each command; those that are not run are checked."""
    exact = block.info.endswith("exact")
    found: list[tuple[int, str, list[str]]] = []
    for line, said in enumerate(block.lines, block.line + 1):
        if said.startswith(_PROMPT):
            found.append((line, said.removeprefix(_PROMPT), []))
        elif found:
            found[-1][2].append(said)
        elif said.strip():
            raise PageError(f"line {line}: this console block does not begin with a prompt")
    if not found:
        raise PageError(f"line {block.line}: this console block has no command")
    for line, command, shown in found:
        if _CHECKED.match(command):
            check_command(command, line)
            continue
        status = _EXITS.search(command)
        words: dict[str, Any] = {"line": line, "status": int(status[1]) if status else 0}
        if exact:
            words["shows"] = "\n".join(shown)
        yield line, f"_run({_EXITS.sub('', command)!r}, **{words!r})"


def check_command(command: str, line: int) -> None:
    """Check a command that would install something: what it names must be there."""
    words = shlex.split(command, comments=True)
    if words[0] == "make":
        targets = re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
        unknown = [w for w in words[1:] if "=" not in w and w not in targets]
        if unknown:
            raise PageError(f"line {line}: the Makefile has no target {unknown[0]!r}")
    if "install" in words:
        for word in words[words.index("install") + 1 :]:
            _check_requirement(word, line)


def _check_requirement(word: str, line: int) -> None:
    project, extras = _PROJECT["project"], _PROJECT["project"]["optional-dependencies"]
    found = re.fullmatch(r"(?P<name>[\w.-]+)\[(?P<extras>[\w,-]+)\]", word)
    if found and found["name"] in {project["name"], "."}:
        for extra in found["extras"].split(","):
            if extra not in extras:
                raise PageError(f"line {line}: there is no extra {extra!r}")
    elif "/" in word and not (ROOT / word).exists():
        raise PageError(f"line {line}: there is no {word!r} to install")


def _parse(block: Block) -> None:
    text = "\n".join(block.lines)
    try:
        json.loads(text) if block.info == "json" else tomllib.loads(text)
    except ValueError as exc:
        raise PageError(f"line {block.line}: this is no {block.info}: {exc}") from exc


def environment_for(folder: Path, text: str = "") -> dict[str, str]:
    """Return the environment of a reader: ours first on the path, and every warning an error."""
    own = {"CAPTURE_STORE", "PYTHONPATH", "PYTHONWARNINGS", "COLUMNS"}
    filters = [*_PROJECT["tool"]["pytest"]["ini_options"]["filterwarnings"]]
    filters += _WARNINGS.findall(text)
    return {
        **{name: value for name, value in os.environ.items() if name not in own},
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT / "tests" / "startup")]),
        "PYTHONWARNINGS": ",".join(filters),
        "COLUMNS": "100",
    }


def run_text(text: str, folder: Path) -> Ran:
    """Run a page in a process and a folder of its own."""
    place, work = folder / "script", folder / "work"
    place.mkdir()
    work.mkdir()
    shutil.copy(Path(__file__).with_name("console.py"), place)
    script = place / "page.py"
    script.write_text(script_of(text))
    return run_script(script, work, environment_for(work, text))


def run_script(script: Path, work: Path, environment: dict[str, str]) -> Ran:
    """Run a script in a folder."""
    done = subprocess.run(
        [sys.executable, str(script)],
        check=False,
        cwd=work,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_MOST_SECONDS,
    )
    return Ran(done.returncode, done.stdout)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that asks for a `page` once per page, and one for an `example` per example."""
    if "page" in metafunc.fixturenames:
        metafunc.parametrize("page", PAGES)
    if "example" in metafunc.fixturenames:
        names = sorted(path.name for path in (ROOT / "examples").glob("*.py"))
        kept = [name for name in names if not names_one_left_out(name)]
        metafunc.parametrize("example", kept)


@pytest.fixture
def root() -> Path:
    return ROOT


@pytest.fixture
def pages() -> tuple[str, ...]:
    return PAGES


@pytest.fixture
def page_error() -> type[PageError]:
    return PageError


@pytest.fixture
def blocks() -> Callable[[str], list[Block]]:
    return lambda text: list(blocks_of(text))


@pytest.fixture
def run_page(tmp_path: Path) -> Callable[[str], Ran]:
    return lambda text: run_text(text, tmp_path)


@pytest.fixture
def run_example(tmp_path: Path) -> Callable[[str], Ran]:
    return lambda name: run_script(ROOT / "examples" / name, tmp_path, environment_for(tmp_path))
