"""The words that the verbs of `capture lifecycle` share: the database, filters, lengths of time."""

from __future__ import annotations

import re
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import click

from capture.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["as_time", "database_option", "filter_options", "filters_of", "length_of_time", "opened"]

_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_LENGTH: Final = re.compile(r"(\d+(?:\.\d+)?)([smhdw])")

database_option = click.option(
    "--db",
    metavar="URL",
    help="The database.  [default: CAPTURE_DATABASE, or sqlite:///lifecycle.sqlite]",
)


def filter_options(verb: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that choose signals."""
    for option in (
        click.option("--where", multiple=True, metavar="FIELD=VALUE", help="Of this value only."),
        click.option("--until", "end", metavar="TIME", help="Given before this time."),
        click.option("--since", "start", metavar="TIME", help="Given at this time or later."),
        click.option("--status", multiple=True, help="In this state; may be repeated."),
        click.option("--symbol", multiple=True, help="Of this symbol; may be repeated."),
        click.option("--strategy", multiple=True, help="Of this strategy; may be repeated."),
    ):
        verb = option(verb)
    return verb


def filters_of(words: dict[str, Any]) -> dict[str, Any]:
    """Take the filters out of a verb's words."""
    names = {"strategy": "strategy_id", "symbol": "symbol", "status": "status"}
    found: dict[str, Any] = {}
    for word, name in names.items():
        given = words.pop(word)
        if given:
            found[name] = list(given)
    for name in ("start", "end"):
        given = words.pop(name)
        if given is not None:
            found[name] = given if "T" in given or " " in given else f"{given}T00:00:00+00:00"
    for condition in words.pop("where"):
        name, sign, value = condition.partition("=")
        if not sign:
            raise ConfigError("--where", condition, "write FIELD=VALUE")
        found[name] = _number(value)
    return found


def _number(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return text


@contextmanager
def opened(db: str | None) -> Iterator[Any]:
    """Open the repository, and close it again."""
    from capture.host import get_host

    repository: Any = get_host().repository("sql")(db)
    try:
        yield repository
    finally:
        repository.close()


def length_of_time(_ctx: click.Context, param: click.Parameter, value: str | None) -> Any:
    """Return the length of time that an option stands for, such as 90d or 12h."""
    if value is None:
        return None
    found = _LENGTH.fullmatch(value)
    if not found:
        raise click.BadParameter(
            f"{value!r} is no length of time; write 90d, 12h, 30m", param=param
        )
    return timedelta(**{_UNITS[found[2]]: float(found[1])})


def as_time(value: int | None) -> str | None:
    """Return nanoseconds as a time in UTC, with all their digits."""
    if value is None:
        return None
    from datetime import UTC, datetime

    seconds, rest = divmod(value, 1_000_000_000)
    whole = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    fraction = f".{rest:09}".rstrip("0").rstrip(".")
    return f"{whole}{fraction}Z"
