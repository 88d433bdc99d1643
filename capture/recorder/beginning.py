"""What a recorder begins with: a run of its own, a further part, or a run that goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capture.recorder.facts import config_record
from capture.store.run import RunFolder, RunStart
from capture.store.store import Store

if TYPE_CHECKING:
    from capture.config import SignalCaptureConfig

__all__ = ["beginning_of"]


def beginning_of(
    config: SignalCaptureConfig, run: RunStart | RunFolder | None, resume: str | None
) -> RunStart | RunFolder:
    """Return the run that was given, the one to resume, or what is known of a new one."""
    if run is not None:
        return run
    if resume is not None:
        return Store(config.storage_path).resume_run(resume, backend=config.backend)
    return RunStart(
        host="engine",
        strategy="engine",
        backend=config.backend,
        config=config_record(config),
        seed=config.seed,
    )
