"""The sink: posts items, one by one or in batches, each with its idempotency key."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Any, Final

import httpx

from capture._version import __version__
from capture.contracts.remote_sink import Fate, Said
from capture.errors import ConfigError
from capture.store.records import compact, plain
from capture_http.answers import meaning_of, meaning_of_batch, meaning_of_error
from capture_http.settings import TOKEN, checked_url, token_from, trusted

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from capture.contracts.remote_sink import Delivery

__all__ = ["HttpSink"]

_CONNECT_S: Final = 5.0
_MOST_BYTES: Final = 1 << 20
"""More of an answer is not read."""


class HttpSink:
    """Posts items as JSON to a server; `examples/reference_receiver.py` is such a server.

    Certificates are always checked. Redirects are not followed, because the token would go along.

    Args:
        url: where single items are posted; by default what `CAPTURE_HTTP_URL` says.
        batch_url: where batches are posted; without one, every item is a request of its own.
        batch: how many items a batch has at most.
        timeout_s: how long each may take: to connect, to be sent, to be answered, and the answer.
        token_variable: environment variable that holds the bearer token; the token itself is no
            argument of anything.
        ca_file: certificates of the authorities to trust in place of the usual ones.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        batch_url: str | None = None,
        batch: int = 50,
        timeout_s: float = 8.0,
        token_variable: str = TOKEN,
        ca_file: str | Path | None = None,
    ) -> None:
        if not isinstance(batch, int) or isinstance(batch, bool) or batch < 1:
            raise ConfigError("batch", batch, "a whole number of at least 1 is needed")
        if not 0 < timeout_s < float("inf"):
            raise ConfigError("timeout_s", timeout_s, "more than 0 seconds are needed")
        self._token = token_from(token_variable)
        with_token = self._token is not None
        self._url: Final = checked_url(url, with_token=with_token)
        self._batch_url = None
        if batch_url is not None:
            self._batch_url = checked_url(batch_url, setting="batch_url", with_token=with_token)
        self.most: Final = batch if batch_url is not None else 1
        self._answer_s: Final = timeout_s
        # Connecting, sending, waiting and reading have a limit each.
        self.timeout_s: Final = min(timeout_s, _CONNECT_S) + 3 * timeout_s
        self._client: Final = httpx.Client(
            verify=trusted(ca_file),
            timeout=httpx.Timeout(timeout_s, connect=min(timeout_s, _CONNECT_S)),
            follow_redirects=False,
            headers={
                "user-agent": f"signal-capture/{__version__}",
                "content-type": "application/json",
            },
        )

    def __repr__(self) -> str:
        return f"HttpSink({str(self._url)!r}, batch={self.most})"

    def send(self, items: Sequence[Delivery]) -> Sequence[Said]:
        """Send items, and return what was said to each."""
        if len(items) == 1 or self._batch_url is None:
            return [self._send_one(item) for item in items]
        body = {"items": [item.to_message() for item in items]}
        answer = self._post(self._batch_url, body, {})
        if isinstance(answer, Said):
            return [answer] * len(items)
        return [self._scrubbed(said) for said in meaning_of_batch(answer, items)]

    def _send_one(self, item: Delivery) -> Said:
        answer = self._post(self._url, item.to_message(), {"idempotency-key": item.idempotency_key})
        return answer if isinstance(answer, Said) else self._scrubbed(meaning_of(answer))

    def _post(
        self, url: httpx.URL, body: dict[str, Any], headers: dict[str, str]
    ) -> httpx.Response | Said:
        """Return the answer, its body no longer than it is read, or what it means to have none."""
        if self._token is not None:
            headers = {**headers, "authorization": f"Bearer {self._token.value}"}
        content = compact(plain(body)).encode()
        try:
            with self._client.stream("POST", url, content=content, headers=headers) as answer:
                read, deadline = bytearray(), monotonic() + self._answer_s
                for piece in answer.iter_bytes():
                    read += piece
                    if len(read) > _MOST_BYTES:
                        break
                    if monotonic() > deadline:  # a remote that drips would keep us for ever
                        return Said(Fate.FAILED, "it did not end its answer in time")
                return httpx.Response(
                    answer.status_code,
                    headers={
                        name: value
                        for name, value in answer.headers.items()
                        if name in ("content-type", "retry-after")
                    },
                    content=bytes(read[:_MOST_BYTES]),
                )
        except httpx.HTTPError as error:
            return self._scrubbed(meaning_of_error(error))

    def _scrubbed(self, said: Said) -> Said:
        if self._token is None or said.problem is None:
            return said
        return said._replace(problem=self._token.scrubbed(said.problem))

    def close(self) -> None:
        """Let go of connections."""
        self._client.close()
