"""The runner of the documentation sees what a reader would stumble over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    Run = Callable[[str], Any]


def test_python_blocks_share_one_namespace_and_run_interleaved_with_commands(run_page: Run) -> None:
    ran = run_page(
        """# Page

```python
from pathlib import Path

Path("said.txt").write_text("one")
```

```console exact
$ cat said.txt
one
```

```python
Path("said.txt").write_text("two")
```

```console exact
$ cat said.txt
two
```
"""
    )
    assert ran.status == 0, ran.output


def test_an_error_names_the_line_of_the_page(run_page: Run) -> None:
    ran = run_page("# Page\n\n```python\n1 / 1\n1 / 0\n```\n")
    assert ran.status != 0
    assert "line 5" in ran.output


def test_a_warning_fails_a_page_unless_the_page_declares_it(run_page: Run) -> None:
    ran = run_page("# Page\n\n```python\nimport warnings\nwarnings.warn('careful')\n```\n")
    assert ran.status != 0
    assert "careful" in ran.output


def test_a_declared_warning_passes(run_page: Run) -> None:
    declared = "<!-- warnings: ignore:careful -->"
    block = "```python\nimport warnings\nwarnings.warn('careful')\n```"
    ran = run_page(f"# Page\n\n{declared}\n\n{block}\n")
    assert ran.status == 0, ran.output


@pytest.mark.parametrize(
    ("command", "status"),
    [
        ("true", 0),
        ("false", 1),
        ("exit 3  # exits 3", 0),
        ("true  # exits 3", 1),
        ("exit 3  # exits 2", 1),
    ],
)
def test_the_exit_status_of_a_command_counts(run_page: Run, command: str, status: int) -> None:
    assert run_page(f"# Page\n\n```console\n$ {command}\n```\n").status == status


def test_sample_output_is_compared_only_where_the_page_says_so(run_page: Run) -> None:
    assert run_page("# Page\n\n```console\n$ echo one\ntwo\n```\n").status == 0


def test_exact_output_that_differs_fails_a_page(run_page: Run) -> None:
    ran = run_page("# Page\n\n```console exact\n$ echo one\ntwo\n```\n")
    assert ran.status != 0
    assert "line 4" in ran.output


def test_a_block_with_a_file_name_is_written_there(run_page: Run) -> None:
    block = "```python file=hello.py\nprint('hello')\n```"
    command = "```console exact\n$ python hello.py\nhello\n```"
    ran = run_page(f"# Page\n\n{block}\n\n{command}\n")
    assert ran.status == 0, ran.output


@pytest.mark.parametrize(
    ("block", "problem"),
    [
        ("```ruby\nputs 1\n```", "nobody knows how to run 'ruby'"),
        ("```\nwhat is it\n```", "nobody knows how to run ''"),
        ("```python skip\n1 / 0\n```", "nobody knows how to run"),
        ("```python\n1 + 1\n", "not closed"),
        ("```console\necho one\n```", "does not begin with a prompt"),
        ("```console\n```", "no command"),
        ("```console\n$ make dinner\n```", "no target 'dinner'"),
        ("```console\n$ pip install 'signal-capture[dinner]'\n```", "no extra 'dinner'"),
        ("```console\n$ pip install -e examples/dinner\n```", "no 'examples/dinner'"),
        ("```json\n{\n```", "no json"),
        ("```toml\n=\n```", "no toml"),
    ],
)
def test_a_block_that_cannot_be_run_or_checked_fails_a_page(
    run_page: Run, page_error: type[Exception], block: str, problem: str
) -> None:
    with pytest.raises(page_error, match=problem):
        run_page(f"# Page\n\n{block}\n")


def test_installing_is_checked_and_not_done(run_page: Run) -> None:
    lines = "$ make demo\n$ pip install 'signal-capture[backtesting,hdf5]'\n$ git clone nowhere"
    assert run_page(f"# Page\n\n```console\n{lines}\n```\n").status == 0


def test_blocks_inside_lists_lose_their_indentation(run_page: Run) -> None:
    ran = run_page("# Page\n\n1. First:\n\n   ```python\n   if True:\n       print(1)\n   ```\n")
    assert ran.status == 0, ran.output
