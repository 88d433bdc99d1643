"""A disk without room refuses signals with a clear error, and loses none that it accepted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import capture
from capture.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.crash

LIMITED = """
import resource, sys, warnings
import capture
from capture.errors import CaptureError, StorageFull

root, durability, mended = sys.argv[1:4]
warnings.simplefilter("always")
no_limit = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
config = capture.SignalCaptureConfig(
    storage_path=root, durability=durability, buffer_size=50, compression="none"
)
engine = capture.SignalCaptureEngine(config)
told, refused = [], 0
moment = 0
def capture_one():
    global moment
    moment += 1
    indicators = {f"x{moment // 40}": 1.0, "text": "y" * 200}
    told.append(engine.capture_signal(
        {"symbol": f"S{moment % 7}", "direction": 1},
        {"timestamp": moment, "strategy_id": "s", "indicators": indicators},
    ))
for _ in range(30):
    capture_one()
resource.setrlimit(resource.RLIMIT_FSIZE, (2048, resource.RLIM_INFINITY))
while refused < 20:
    try:
        capture_one()
    except StorageFull as error:
        assert "make room" in str(error) or "free some space" in str(error), error
        refused += 1
if mended == "mended":
    resource.setrlimit(resource.RLIMIT_FSIZE, no_limit)
    for _ in range(500):
        capture_one()
print("\\n".join(told), flush=True)
try:
    engine.close()
except CaptureError as error:
    print(f"ERROR {type(error).__name__}: {error}", file=sys.stderr)
"""


@pytest.mark.parametrize("durability", ["journal", "fsync"])
@pytest.mark.parametrize("mended", ["mended", "full to the end"])
def test_what_was_accepted_survives_a_full_disk(
    python: Callable[..., Any], root: Path, durability: str, mended: str
) -> None:
    done = python(LIMITED, root, durability, mended)
    assert done.returncode == 0, done.stderr
    told = done.stdout.split()
    assert len(told) > (530 if mended == "mended" else 30)
    if mended != "mended":
        assert "ERROR" in done.stderr, "closing says that the recording could not be sealed"
    store = capture.open(root)
    found = store.latest().signals()
    assert list(found["signal_id"]) == told
    assert list(found["seq"]) == list(range(len(told)))
    assert capture.verify(store).ok


def test_a_place_that_cannot_be_written_to_is_a_clear_error(
    engine: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StoreError, match="file"):
        engine(storage_path=tmp_path / "file")
    assert (tmp_path / "file").read_text() == "not a folder"
