"""The other side of a delivery: a server that takes every item, and keeps each only once.

    python receiver.py --port 8080 --database received.sqlite

What it shows is little, and all of it matters:

- an item is on disk before the answer says so;
- an item is known by its idempotency key, so one that comes again is answered as before, and kept
  once;
- one key with two contents is refused, because one of them must be wrong;
- whoever does not bring the token (`CAPTURE_HTTP_TOKEN`, if it is set) gets nothing stored.
"""

from __future__ import annotations

import argparse
import hmac
import json
import os
import sqlite3
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock
from typing import Any

MOST_BYTES = 8 * 1024 * 1024


class Inbox:
    """What was received, in SQLite; each key once."""

    def __init__(self, path: str | Path) -> None:
        self._lock = Lock()
        self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = FULL")  # the answer is a promise
        self._database.execute(
            "CREATE TABLE IF NOT EXISTS items ("
            " number INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, signal_id TEXT NOT NULL,"
            " kind TEXT NOT NULL, content TEXT NOT NULL)"
        )

    def take(self, items: list[dict[str, Any]]) -> list[dict[str, str]]:
        """Keep items, all in one transaction, and return what became of each."""
        with self._lock:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                results = [self._take(item) for item in items]
                self._database.execute("COMMIT")
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
        return results

    def _take(self, item: dict[str, Any]) -> dict[str, str]:
        key = item["idempotency_key"]
        content = json.dumps(item, sort_keys=True)
        found = self._database.execute("SELECT content FROM items WHERE key = ?", (key,)).fetchone()
        if found is None:
            self._database.execute(
                "INSERT INTO items (key, signal_id, kind, content) VALUES (?, ?, ?, ?)",
                (key, item["signal_id"], item["kind"], content),
            )
            return {"idempotency_key": key, "status": "stored"}
        if found[0] == content:
            return {"idempotency_key": key, "status": "duplicate"}
        problem = "the key is known with another content"
        return {"idempotency_key": key, "status": "refused", "problem": problem}

    def items(self) -> list[dict[str, Any]]:
        """Return everything received, in the order in which it came."""
        with self._lock:
            found = self._database.execute("SELECT content FROM items ORDER BY number").fetchall()
        return [json.loads(content) for (content,) in found]

    def close(self) -> None:
        """Let go of the database."""
        with self._lock:  # of a request that is just being answered
            self._database.close()


class Handler(BaseHTTPRequestHandler):
    """Answers POST to /items, one item, and to /batches, several."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Receiver

    def do_POST(self) -> None:
        """Take what was posted, and then answer."""
        self.answer(*self.take())

    def take(self) -> tuple[int, dict[str, Any]]:
        """Store what was posted, and return the status and the body of the answer."""
        size = int(self.headers.get("Content-Length") or 0)
        if not 0 < size <= MOST_BYTES:
            self.close_connection = True
            return 413, {"problem": f"between 1 and {MOST_BYTES} bytes are taken"}
        body = self.rfile.read(size)
        if self.path not in ("/items", "/batches"):
            return 404, {"problem": "post to /items or /batches"}
        if not self._may():
            return 401, {"problem": "the token is missing or wrong"}
        try:
            posted = json.loads(body)
            items = posted["items"] if self.path == "/batches" else [posted]
            results = self.server.inbox.take(items)
        except (ValueError, KeyError, TypeError, sqlite3.InterfaceError) as error:
            return 400, {"problem": f"this is no item: {type(error).__name__}"}
        if self.path == "/batches":
            return 200, {"results": results}
        return (409 if results[0]["status"] == "refused" else 200), results[0]

    def _may(self) -> bool:
        token = self.server.token
        given = self.headers.get("Authorization") or ""
        return token is None or hmac.compare_digest(given.encode(), f"Bearer {token}".encode())

    def answer(self, status: int, body: dict[str, Any]) -> None:
        """Send an answer."""
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing of every request."""


class Receiver(ThreadingHTTPServer):
    """The server; it listens on this machine alone."""

    daemon_threads = True

    def __init__(
        self,
        database: str | Path,
        *,
        port: int = 0,
        token: str | None = None,
        handler: type[Handler] = Handler,
    ) -> None:
        self.inbox = Inbox(database)
        self.token = token
        super().__init__(("127.0.0.1", port), handler)

    @property
    def url(self) -> str:
        """Where single items are posted."""
        return f"http://127.0.0.1:{self.server_address[1]}/items"

    @property
    def batch_url(self) -> str:
        """Where batches are posted."""
        return f"http://127.0.0.1:{self.server_address[1]}/batches"


def main() -> None:
    """Receive until interrupted."""
    parser = argparse.ArgumentParser(description="Receive signals over HTTP.")
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--database", default="received.sqlite")
    asked = parser.parse_args()
    token = os.environ.get("CAPTURE_HTTP_TOKEN") or None
    with Receiver(asked.database, port=asked.port, token=token) as receiver:
        print(f"receiving at {receiver.url}, keeping in {asked.database}", flush=True)
        try:
            receiver.serve_forever()
        except KeyboardInterrupt:
            print(f"{len(receiver.inbox.items())} items received")


if __name__ == "__main__":
    main()
