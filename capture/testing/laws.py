"""What holds of every recording of a run that ended, whatever its strategy did."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from capture.schema import TABLES
from capture.store.verify import verify

if TYPE_CHECKING:
    from capture.store.recording import Recording
    from capture.testing.running import Fills

__all__ = ["assert_complete", "assert_fates", "assert_fills", "assert_linked"]


def assert_complete(recording: Recording) -> None:
    """Assert that it ended, is sound, and numbers its events without a gap."""
    assert recording.state == "ended", recording.manifest.get("problem")
    verification = verify(recording.store)
    assert verification.ok, verification.findings
    seqs = [
        seq
        for name in TABLES
        for seq in recording.table(name).column("seq").to_pylist()
        if seq is not None
    ]
    assert sorted(seqs) == list(range(len(seqs)))


def assert_fills(recording: Recording, expected: Fills) -> None:
    """Assert that what the host says was traded is recorded, and nothing else."""
    recorded: Fills = Counter()
    fills = recording.fills()
    for bar, side, size, price in fills[["bar_index", "side", "size", "price"]].itertuples(
        index=False
    ):
        recorded[(int(bar), int(side), float(price))] += size
    assert recorded == expected


def assert_fates(recording: Recording) -> None:
    """Assert that every signal's last status is one of an order or a refusal, and says why."""
    signals = recording.signals()
    told = signals[["disposition", "reason"]].notna().all(axis=1)
    assert told.all(), signals[~told]
    assert "generated" not in set(signals["disposition"])


def assert_linked(recording: Recording) -> None:
    """Assert that every order belongs to a signal before it, and every fill to an order."""
    signals = set(recording.signals()["seq"])
    orders, fills = recording.orders(), recording.fills()
    new = orders[orders["action"] == "new"]
    assert set(new["signal_seq"]) <= signals
    assert (new["signal_seq"] < new["seq"]).all()
    assert set(fills["order_seq"].dropna()) <= set(new["seq"])
