"""What `capture verify --audit` says of an audit log."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from capture.commands.terminal.document import write
from capture.commands.terminal.screen import Screen, progress
from capture.commands.terminal.text import plural, safe
from capture.commands.words import NOT_CLEAN

if TYPE_CHECKING:
    from pathlib import Path

    from capture.lifecycle.audit_check import AuditVerification

__all__ = ["verify_log"]


def verify_log(folder: str, key: Path | None, as_json: bool) -> None:
    """Check an audit log, and say what was found; the status says whether it is clean."""
    from capture.lifecycle.audit_check import verify_audit

    with progress("verifying"):
        found = verify_audit(folder, key=key)
    if as_json:
        write(found.to_dict())
    else:
        _draw(found, Screen())
    if not found.ok:
        raise click.exceptions.Exit(NOT_CLEAN)


def _draw(found: AuditVerification, screen: Screen) -> None:
    for finding in found.findings:
        screen.text(safe(finding), "red")
    for note in found.notes:
        screen.text(safe(note), "yellow")
    checked = f"{plural(found.lines, 'line')} in {plural(found.files, 'file')}"
    if found.ok:
        screen.text(f"Clean: {checked} checked.", "green")
        if found.head is not None:
            screen.text(f"The last is entry {found.head[0]}, {found.head[1]}.")
    else:
        screen.text(f"Corrupt: {plural(len(found.findings), 'problem')} in {checked}.", "bold red")
