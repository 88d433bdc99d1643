"""The sender: claims what is due, sends it, keeps what became of it; in a thread or a coroutine."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace
from datetime import timedelta
from random import Random
from threading import Event, Lock, Thread
from time import monotonic, perf_counter, time_ns
from typing import TYPE_CHECKING, Final, Self

from capture.contracts.outbox import Verdict
from capture.contracts.remote_sink import Delivery, Fate, Said
from capture.errors import CaptureError, ConfigError
from capture.lifecycle.delivery.retrying import RetryPolicy, after, pause_s

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from capture.contracts.outbox import Outbox
    from capture.contracts.remote_sink import RemoteSink
    from capture.lifecycle.delivery.bucket import TokenBucket

__all__ = ["Round", "Sender"]

_NS: Final = 1_000_000_000
_SETTLE_S: Final = 0.1
"""How often it is kept what became of items: a transaction each would take as long as a send."""

_TIDY_S: Final = 3600.0
"""How often what was sent long ago is taken away."""

_LOG: Final = logging.getLogger("capture.delivery")


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What one round, or several, came to.

    Attributes:
        sent: items that the remote has now.
        failed: attempts in vain after which the item is tried again.
        dead: items that were given up.
        unavailable: why the remote took nothing, if it took nothing when it was asked last.
        seconds: how long the remote took to answer, in all.
    """

    sent: int = 0
    failed: int = 0
    dead: int = 0
    unavailable: str | None = None
    seconds: float = 0.0

    def __add__(self, later: Round) -> Round:
        return Round(
            sent=self.sent + later.sent,
            failed=self.failed + later.failed,
            dead=self.dead + later.dead,
            unavailable=later.unavailable,
            seconds=self.seconds + later.seconds,
        )


class Sender:
    """Delivers the items of one sink; several senders, in several processes, may share an outbox.

    It is at least once: an item whose answer was lost is sent again, with the same idempotency
    key. Items of one signal go in order, and one that was given up holds those behind it.

    Args:
        outbox: where the items wait.
        sink: where they go.
        name: the sink's name in the outbox.
        policy: how items are tried again.
        rate: limits how many items leave in a second.
        claim: how many items are claimed at once.
        lease_s: how long a claim lasts; those of a killed sender come back after that.
        poll_s: how often an outbox is looked at in which nothing is due.
        keep_sent: how long items stay in the outbox that were sent; None is until somebody takes
            them away. What is older goes whenever nothing is due, once an hour.
    """

    def __init__(  # noqa: PLR0913 - each is a word that a user may say
        self,
        outbox: Outbox,
        sink: RemoteSink,
        *,
        name: str,
        policy: RetryPolicy | None = None,
        rate: TokenBucket | None = None,
        claim: int = 200,
        lease_s: float = 60.0,
        poll_s: float = 0.5,
        keep_sent: timedelta | None = None,
    ) -> None:
        if lease_s < 2 * sink.timeout_s:
            need = f"at least twice the {sink.timeout_s} s that a send may take are needed"
            raise ConfigError("lease_s", lease_s, need)
        if keep_sent is not None and keep_sent < timedelta():
            raise ConfigError("keep_sent", keep_sent, "must be a length of time")
        self.name: Final = name
        self.totals = Round()
        self.trouble: CaptureError | None = None
        """What went wrong with the database at last; None when it works again."""
        self._outbox: Final = outbox
        self._sink: Final = sink
        self._policy: Final = policy or RetryPolicy()
        self._rate: Final = rate
        self._claim: Final = claim
        self._lease_s: Final = lease_s
        self._poll_s: Final = poll_s
        self._random: Final = Random()
        self._one_round: Final = Lock()
        self._stopping: Final = Event()
        self._thread: Thread | None = None
        self._silences = 0
        self._silent_until_ns = 0
        self._unsettled: list[Verdict] = []
        self._settled_at = 0.0
        self._keep_sent: Final = keep_sent
        self._tidied_at = -_TIDY_S

    # --- one round ---------------------------------------------------------------------------

    def run_once(self) -> Round:
        """Send what is due now, as far as one claim goes.

        Raises:
            StoreError: the database cannot be used.
        """
        with self._one_round:
            if time_ns() < self._silent_until_ns:
                return Round(unavailable=self.totals.unavailable)
            items = self._outbox.claim(self.name, self._claim, self._lease_s)
            done = self._send_all(items) if items else Round()
            self.totals += done
            if not items:
                self._tidy()
            return done

    def _tidy(self) -> None:
        """Let go of what was sent long ago, every now and then."""
        if self._keep_sent is None or monotonic() - self._tidied_at < _TIDY_S:
            return
        self._tidied_at = monotonic()
        kept_ns = round(self._keep_sent.total_seconds() * _NS)
        self._outbox.forget(self.name, time_ns() - kept_ns)

    def _send_all(self, items: Sequence[Delivery]) -> Round:
        """Send items, and keep what became of them every now and then.

        What was sent and not kept yet when the sender is killed is sent again.
        """
        self._unsettled, self._settled_at = [], monotonic()
        try:
            return self._send_waves(items)
        finally:
            self._settle()

    def _send_waves(self, items: Sequence[Delivery]) -> Round:
        done, behind = Round(), set[str]()
        waves = list(_waves(items, self._sink.most))
        for place, wave in enumerate(waves):
            going = [item for item in wave if item.signal_id not in behind]
            self._give_back([item for item in wave if item.signal_id in behind])
            if not going:
                continue
            if done.unavailable is not None or not self._may_go(going):
                self._give_back([item for rest in (going, *waves[place + 1 :]) for item in rest])
                break
            one, kept = self._send(going)
            done += one
            behind |= {it.delivery.signal_id for it in kept if it.state != "sent"}
        return done

    def _may_go(self, going: Sequence[Delivery]) -> bool:
        """Wait for the rate limit; False if the sender is to stop, or the lease gets short."""
        wait_s = self._rate.take(len(going)) if self._rate is not None else 0.0
        if self._stopping.wait(wait_s) if wait_s else self._stopping.is_set():
            return False
        left_s = (min(item.lease_ns for item in going) - time_ns()) / _NS
        return left_s > self._sink.timeout_s

    def _send(self, going: Sequence[Delivery]) -> tuple[Round, list[Verdict]]:
        started = perf_counter()
        answers = self._asked(going)
        seconds, now = perf_counter() - started, time_ns()
        verdicts = [
            after(item, said, self._policy, now_ns=now, random=self._random)
            for item, said in zip(going, answers, strict=True)
        ]
        silent = next((said for said in answers if said.fate is Fate.UNAVAILABLE), None)
        self._note_silence(silent, now)
        self._unsettled += verdicts
        if monotonic() - self._settled_at > _SETTLE_S:
            self._settle()
        states = [verdict.state for verdict in verdicts]
        for verdict in verdicts:
            if verdict.state == "dead":
                _LOG.warning("%s: gave up item %d: %s", self.name, verdict.delivery.id, verdict[4])
        one = Round(
            sent=states.count("sent"),
            failed=sum(said.fate is Fate.FAILED for said in answers) - _buried(answers, verdicts),
            dead=states.count("dead"),
            unavailable=None if silent is None else silent.problem or "it does not answer",
            seconds=seconds,
        )
        return one, verdicts

    def _settle(self) -> None:
        verdicts, self._unsettled = self._unsettled, []
        self._settled_at = monotonic()
        self._outbox.settle(verdicts)

    def _asked(self, going: Sequence[Delivery]) -> Sequence[Said]:
        """Return what the remote said to each item; a sink that raises fails them all."""
        try:
            answers = self._sink.send(going)
        except Exception as exc:
            # The text of a foreign error may hold a secret, so that only its kind is kept.
            said = Said(Fate.FAILED, f"the sink raised {type(exc).__name__}, which is a defect")
            _LOG.warning("%s: %s", self.name, said.problem)
            return [said] * len(going)
        if len(answers) != len(going):
            problem = f"the sink said {len(answers)} things to {len(going)} items: it is a defect"
            return [Said(Fate.FAILED, problem)] * len(going)
        return answers

    def _note_silence(self, silent: Said | None, now_ns: int) -> None:
        if silent is None:
            self._silences, self._silent_until_ns = 0, 0
            return
        self._silences += 1
        wait_s = pause_s(silent, self._silences, self._policy, self._random)
        self._silent_until_ns = now_ns + int(wait_s * _NS)
        _LOG.warning("%s: takes nothing, next try in %.1f s: %s", self.name, wait_s, silent.problem)

    def _give_back(self, items: Sequence[Delivery]) -> None:
        """Let others have what was claimed and not sent."""
        if items:
            now = time_ns()
            self._unsettled += [Verdict(it, "pending", it.attempts, now) for it in items]

    # --- until it is empty, or for good --------------------------------------------------------

    def drain(self) -> Round:
        """Send until nothing is left that may be sent, or the remote stays away.

        A remote that takes nothing is asked as often again as an item would be; then the items
        are left where they are.
        """
        done = Round()
        while not self._stopping.is_set():
            one = self.run_once()
            done += one
            if self._silences > self._policy.retries:
                return done
            if one.sent:
                continue
            wait_s = self._wait_s()
            if wait_s is None:
                return done
            self._stopping.wait(wait_s)
        return done

    def _wait_s(self) -> float | None:
        """Return how long nothing will be due; None if nothing ever will."""
        due = self._outbox.next_due_ns(self.name)
        if due is None:
            return None
        return max((max(due, self._silent_until_ns) - time_ns()) / _NS, 0.0)

    def follow(self) -> None:
        """Send what is due and wait for more, until `stop`."""
        while not self._stopping.is_set():
            self._stopping.wait(self._step())

    async def follow_async(self) -> None:
        """Do the same from a coroutine, whose loop never waits for the network or the database.

        Cancelling it lets the round that goes on end first.
        """
        try:
            while not self._stopping.is_set():
                await asyncio.sleep(await asyncio.to_thread(self._step))
        finally:
            await asyncio.to_thread(self._one_round.acquire)
            self._one_round.release()

    def _step(self) -> float:
        """Run a round, and return how long to wait for the next."""
        try:
            done = self.run_once()
            self.trouble = None
            if done.sent:
                return 0.0
            wait_s = self._wait_s()
        except CaptureError as exc:
            if self.trouble is None:
                _LOG.warning("%s: the outbox cannot be used: %s", self.name, exc)
            self.trouble = exc
            return self._poll_s
        return self._poll_s if wait_s is None else min(wait_s, self._poll_s)

    def start(self) -> Self:
        """Follow in a thread of its own."""
        if self._thread is None:
            self._stopping.clear()
            self._thread = Thread(target=self.follow, name=f"capture-{self.name}", daemon=True)
            self._thread.start()
        return self

    def ask_to_stop(self) -> None:
        """Let the sender end after the send that goes on, without waiting for it."""
        self._stopping.set()

    def stop(self) -> None:
        """End after the send that goes on; what is claimed and not sent is given back."""
        self.ask_to_stop()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def close(self) -> None:
        """Stop, and close the sink."""
        self.stop()
        self._sink.close()

    def __enter__(self) -> Self:
        """Start."""
        return self.start()

    def __exit__(self, *_: object) -> None:
        """Stop and close."""
        self.close()

    def snapshot(self) -> Round:
        """Return what was done so far."""
        return replace(self.totals)


def _waves(items: Sequence[Delivery], most: int) -> Iterator[list[Delivery]]:
    """Part items into sends that hold no two of one signal, in order per signal."""
    layers: list[list[Delivery]] = []
    seen: dict[str, int] = {}
    for item in sorted(items, key=lambda item: item.id):
        layer = seen[item.signal_id] = seen.get(item.signal_id, -1) + 1
        if layer == len(layers):
            layers.append([])
        layers[layer].append(item)
    for one in layers:
        for start in range(0, len(one), most):
            yield one[start : start + most]


def _buried(answers: Sequence[Said], verdicts: Sequence[Verdict]) -> int:
    """Count the failures that were the last of their item."""
    pairs = zip(answers, verdicts, strict=True)
    return sum(said.fate is Fate.FAILED and kept.state == "dead" for said, kept in pairs)
