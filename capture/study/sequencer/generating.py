"""The phase that generates: strategies over bars, recorded once for all that comes after."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from capture.errors import StoreError
from capture.store.records import now_text, plain, write_record
from capture.study.sequencer.candidates import signals_in
from capture.study.sequencer.course import Fed

if TYPE_CHECKING:
    from capture.store.recording import Recording
    from capture.study.sequencer.course import Course
    from capture.study.topology.generation import SignalGenerationTopology

__all__ = ["Generates"]


@dataclass(frozen=True, kw_only=True)
class Generates:
    """A phase that makes signals and records them.

    Attributes:
        name: what it is called.
        topology: what makes them.
    """

    name: str
    topology: SignalGenerationTopology

    @property
    def needs(self) -> tuple[str, ...]:
        """The phases that it feeds on: none."""
        return ()

    def described(self) -> dict[str, Any]:
        """Return everything that its result depends on."""
        said: dict[str, Any] = plain(self.topology.document.values)
        return {"phase": "generate", "topology": said}

    def run(self, course: Course) -> Fed:
        """Make the signals unless that was done, and hand on those of each strategy."""
        recording = self._recorded(course)
        if recording is None:
            with course.progress(self.name, 1) as advance:
                recording = self.topology.run()
                advance(1)
            layout = course.workflow.layout.phase(self.name)
            layout.folder.mkdir(parents=True, exist_ok=True)
            record = {
                "phase": self.name,
                "state": "ended",
                "ended": now_text(),
                "store": str(self.topology.config.storage_path),
                "run": recording.run_id,
                "strategies": len(self.topology.strategies),
            }
            write_record(layout.record, record)
        # A strategy that gave no signal is in the configuration, and not in the recording.
        return Fed(signals=tuple(signals_in(recording)))

    def _recorded(self, course: Course) -> Recording | None:
        """Return the recording that this phase made before, if it is still there."""
        from capture.store.store import open_store

        layout = course.workflow.layout.phase(self.name)
        if not layout.record.exists():
            return None
        said = course.workflow.phase(self.name).record
        try:
            return open_store(said["store"])[said["run"]]
        except StoreError:
            return None
