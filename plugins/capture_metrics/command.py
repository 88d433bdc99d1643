"""`capture metrics`: an endpoint for Prometheus over a database of signals."""

from __future__ import annotations

import signal
from threading import Event

import click

from capture import get_host
from capture_metrics.metrics import PORT, Metrics

__all__ = ["command"]


@click.command("metrics", epilog="Exit status: 0 well, 2 it could not run.")
@click.option("--db", metavar="URL", help="The database.  [default: CAPTURE_DATABASE]")
@click.option("--port", type=click.IntRange(0, 65535), default=PORT, show_default=True)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen at; others than this one let other machines in.",
)
def command(db: str | None, port: int, host: str) -> None:
    """Serve the figures of a database of signals to Prometheus, until interrupted."""
    repository = get_host().repository("sql")(db)
    stopped = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    try:
        with Metrics().watch(repository) as metrics:
            click.echo(f"Serving {metrics.serve(port, host)}")
            stopped.wait()
    finally:
        repository.close()
