"""A report as a file: whole or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from capture.report.computing import compute
from capture.report.page import page
from capture.store.recording import a_recording
from capture.store.records import write_atomically

if TYPE_CHECKING:
    from os import PathLike

    from capture.report.model import Report
    from capture.store.recording import Recording

__all__ = ["write_page", "write_report"]


def write_report(recording: Recording, place: str | PathLike[str], **chosen: Any) -> Path:
    """Write the report on a run as one self-contained HTML page, over what is there.

    Args:
        recording: the run.
        place: the file.
        **chosen: which signals it is about: `start`, `end`, `symbols`, `strategies`, `regime`; and
            `hashes=False` to leave out the check of every byte.

    Returns:
        The path of the file.

    Example:
        ```python
        capture.write_report(capture.open("signals").latest(), "report.html")
        ```
    """
    return write_page(compute(a_recording(recording), **chosen), place)


def write_page(report: Report, place: str | PathLike[str]) -> Path:
    """Write a report that was computed before; return the path of the file."""
    written = Path(place)
    write_atomically(written, page(report).encode("utf-8"))
    return written
