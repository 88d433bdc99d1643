"""Bytes that are not those that were written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from capture.analysis.consistency.registry import Problem, named
from capture.analysis.consistency.report import Severity
from capture.store.verify import verify

if TYPE_CHECKING:
    from collections.abc import Iterator

    from capture.analysis.consistency.subject import Subject

__all__: list[str] = []


@named(
    "hash_mismatches",
    Severity.ERROR,
    "restore the file from a copy, or record the run again; `capture verify` tells more",
    needs_recording=True,
)
def hash_mismatches(subject: Subject) -> Iterator[Problem]:
    """Find files, records and chains whose hashes are not those of their contents."""
    for recording in subject.recordings:
        for found in verify(recording.store, recording.run_id).findings:
            seqs = (
                np.empty(0, np.int64)
                if found.first_seq is None or found.last_seq is None
                else np.arange(found.first_seq, found.last_seq + 1)
            )
            signal = "" if found.signal_id is None else f", signal {found.signal_id}"
            message = f"{found.file}: {found.problem}{signal}"
            yield Problem(message, recording.run_id, found.part, seqs)
