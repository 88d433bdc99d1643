"""What an HTTP answer, or none, means for an item."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final

import httpx

from capture.contracts.remote_sink import Fate, Said

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from capture.contracts.remote_sink import Delivery

__all__ = ["meaning_of", "meaning_of_batch", "meaning_of_error"]

_LATER: Final = frozenset({408, 425, 500, 502, 504})
_WAIT: Final = frozenset({429, 503})
_NOT_THIS_ADDRESS: Final = frozenset({401, 402, 403, 404, 405, 407, 410, 501})
"""Answers that speak of the address or the token, and not of the item."""
_LONGEST_TEXT: Final = 200

_RESULTS: Final = {
    "stored": Fate.ACCEPTED,
    "duplicate": Fate.ACCEPTED,
    "failed": Fate.FAILED,
    "refused": Fate.REFUSED,
}


def meaning_of(answer: httpx.Response) -> Said:
    """Return what an answer to one item, or to a batch as a whole, means."""
    status = answer.status_code
    if 200 <= status < 300:
        return Said(Fate.ACCEPTED)
    problem = f"it answered {status} {answer.reason_phrase}".rstrip() + _body(answer)
    if status in _WAIT:
        return Said(Fate.UNAVAILABLE, problem, retry_after_s(answer.headers))
    if status in _NOT_THIS_ADDRESS or 300 <= status < 400:
        return Said(Fate.UNAVAILABLE, problem)
    if status in _LATER or status >= 500 or status < 200:
        return Said(Fate.FAILED, problem, retry_after_s(answer.headers))
    return Said(Fate.REFUSED, problem)


def meaning_of_batch(answer: httpx.Response, items: Sequence[Delivery]) -> list[Said]:
    """Return what an answer to a batch means for each of its items."""
    whole = meaning_of(answer)
    if whole.fate is Fate.REFUSED and len(items) > 1:
        # One bad item must not take the others with it; each will be judged alone.
        whole = Said(Fate.FAILED, whole.problem)
    if whole.fate is not Fate.ACCEPTED:
        return [whole] * len(items)
    try:
        results = {one["idempotency_key"]: one for one in answer.json()["results"]}
    except (ValueError, KeyError, TypeError, RecursionError):
        return [Said(Fate.FAILED, "its answer to the batch cannot be read")] * len(items)
    return [_result(results.get(item.idempotency_key)) for item in items]


def _result(one: Mapping[str, Any] | None) -> Said:
    if one is None:
        return Said(Fate.FAILED, "its answer to the batch does not name this item")
    fate = _RESULTS.get(str(one.get("status")))
    if fate is None:
        return Said(Fate.FAILED, "its answer has a status for this item that nobody knows")
    if fate is Fate.ACCEPTED:
        return Said(fate)
    return Said(fate, _short(str(one.get("problem") or "it gave no reason")))


def meaning_of_error(error: httpx.HTTPError) -> Said:
    """Return what it means that there was no answer.

    What happened before the item left says nothing of the item. After that nobody knows whether
    the remote has it, and sending it again is what the idempotency key is for.
    """
    kind = type(error).__name__
    if isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)):
        return Said(Fate.UNAVAILABLE, f"it cannot be reached ({kind}: {_short(str(error))})")
    if isinstance(error, (httpx.ProxyError, httpx.UnsupportedProtocol)):
        return Said(Fate.UNAVAILABLE, f"it cannot be reached ({kind})")
    if isinstance(error, httpx.TimeoutException):
        return Said(Fate.FAILED, f"it did not answer in time ({kind})")
    return Said(Fate.FAILED, f"the connection broke ({kind})")


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Return how long the remote asks to wait, in seconds or as a date; None if it does not."""
    text = headers.get("retry-after", "").strip()
    if text.isdigit():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max((moment - datetime.now(UTC)).total_seconds(), 0.0)


def _body(answer: httpx.Response) -> str:
    if "text" not in answer.headers.get("content-type", "") and "json" not in answer.headers.get(
        "content-type", ""
    ):
        return ""
    text = _short(answer.text)
    return f": {text}" if text else ""


def _short(text: str) -> str:
    words = " ".join(word for word in text.split() if word.isprintable())
    return words if len(words) <= _LONGEST_TEXT else f"{words[:_LONGEST_TEXT]}..."
