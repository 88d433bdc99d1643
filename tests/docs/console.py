"""Runs the commands of a documentation page; imported by the script that a page becomes."""

from __future__ import annotations

import re
import subprocess
import sys


def run(command: str, *, line: int, status: int = 0, shows: str | None = None) -> None:
    """Run a command as a reader's shell would.

    Args:
        command: what follows the prompt.
        line: where it stands on the page.
        status: exit status that it must have.
        shows: what it must print, to the letter; None where the page shows a sample.
    """
    sys.stdout.flush()
    done = subprocess.run(
        ["sh", "-c", command],
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    sys.stdout.write(f"$ {command}\n{done.stdout}")
    sys.stdout.flush()
    if done.returncode != status:
        sys.exit(f"line {line}: `{command}` exits {done.returncode}, and the page says {status}")
    if shows is not None and _trimmed(done.stdout) != _trimmed(shows):
        sys.exit(f"line {line}: `{command}` prints something else than the page says:\n{shows}")


def _trimmed(text: str) -> str:
    """Return a text without the blanks that nobody sees."""
    return re.sub(r"[ \t]+$", "", text, flags=re.MULTILINE).strip("\n")
