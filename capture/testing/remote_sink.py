"""The contract suite for remote sinks: subclass it, make a sink and its remote, and run pytest."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

from capture.contracts.remote_sink import Delivery, Fate, RemoteSink

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = ["RemoteSinkContract", "delivery"]


def delivery(number: int, key: str | None = None, **payload: Any) -> Delivery:
    """Return an item as a sender hands it to a sink."""
    return Delivery(
        id=number,
        signal_id=f"signal-{number}",
        sink="contract",
        kind="saved",
        payload={"kind": "saved", "signal": {"symbol": "ACME", "note": "ü\n\x00", **payload}},
        idempotency_key=key or f"signal-{number}:1:contract",
        created_ns=1_700_000_000_000_000_000 + number,
        attempts=0,
        lease_ns=0,
    )


class RemoteSinkContract:
    """What every remote sink must do.

    Example:
        ```python
        class TestFileSink(RemoteSinkContract):
            def made(self, folder):
                return FileSink(folder / "remote.jsonl")

            def received(self, folder):
                lines = (folder / "remote.jsonl").read_text().splitlines()
                return [json.loads(line) for line in lines]
        ```
    """

    def made(self, folder: Path) -> RemoteSink:
        """Return a sink to a remote that keeps what it gets under this folder."""
        raise NotImplementedError

    def made_in_vain(self, folder: Path) -> RemoteSink | None:
        """Return a sink to a remote that cannot be reached; None if there is no such thing."""
        del folder
        return None

    def received(self, folder: Path) -> Sequence[Mapping[str, Any]]:
        """Return the messages that the remote has kept."""
        raise NotImplementedError

    def test_it_fulfils_the_protocol(self, tmp_path: Path) -> None:
        """It has what a sender asks for."""
        with closing(self.made(tmp_path)) as sink:
            assert isinstance(sink, RemoteSink)
            assert sink.most >= 1
            assert sink.timeout_s > 0

    def test_the_remote_has_what_was_accepted(self, tmp_path: Path) -> None:
        """Every item that was accepted is there, whole."""
        with closing(self.made(tmp_path)) as sink:
            items = [delivery(number) for number in range(2 * sink.most + 1)]
            for start in range(0, len(items), sink.most):
                piece = items[start : start + sink.most]
                said = sink.send(piece)
                assert [one.fate for one in said] == [Fate.ACCEPTED] * len(piece)
        kept = {one["idempotency_key"]: dict(one) for one in self.received(tmp_path)}
        assert kept == {item.idempotency_key: item.to_message() for item in items}

    def test_an_item_that_comes_again_is_accepted_and_kept_once(self, tmp_path: Path) -> None:
        """A key is kept once, also by a sink that was made anew."""
        with closing(self.made(tmp_path)) as sink:
            for _ in range(3):
                assert sink.send([delivery(1)])[0].fate is Fate.ACCEPTED
        with closing(self.made(tmp_path)) as sink:
            assert sink.send([delivery(1)])[0].fate is Fate.ACCEPTED
        assert len(self.received(tmp_path)) == 1

    def test_closing_twice_is_allowed(self, tmp_path: Path) -> None:
        """A second close changes nothing."""
        sink = self.made(tmp_path)
        sink.close()
        sink.close()

    def test_a_remote_that_cannot_be_reached_is_said_and_not_raised(self, tmp_path: Path) -> None:
        """What goes wrong is an answer, with its reason."""
        sink = self.made_in_vain(tmp_path)
        if sink is None:
            return
        with closing(sink):
            (said,) = sink.send([delivery(1)])
        assert said.fate in (Fate.UNAVAILABLE, Fate.FAILED)
        assert said.problem
