"""A remote sink over HTTP: every change of a signal is posted to a server of one's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capture import hookimpl
from capture.contracts.info import RemoteSinkInfo

if TYPE_CHECKING:
    from collections.abc import Iterator


def _load() -> type:
    from capture_http.sink import HttpSink

    return HttpSink


@hookimpl
def register_remote_sinks() -> Iterator[RemoteSinkInfo]:
    """Offer the sink."""
    yield RemoteSinkInfo(
        "http",
        load=_load,
        extra="http",
        requires=("httpx",),
        summary="a server that takes JSON, with idempotency keys and TLS",
    )
