"""Where a database is: checked, and in a form that may be shown to anybody."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from capture.errors import ConfigError, MissingExtra, did_you_mean
from capture.hiding import HIDDEN, is_secret, without_secrets

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy.engine import URL

__all__ = ["Address", "address_of", "refuse_secrets", "shown"]

_EXAMPLES: Final = "sqlite:///signals.sqlite or postgresql://user@host/name"
_SQLITE: Final = (
    "cache", "cached_statements", "check_same_thread", "detect_types", "immutable",
    "isolation_level", "mode", "nolock", "psow", "timeout", "uri", "vfs",
)  # fmt: skip


class Address:
    """The address of a database: its text has no secret, the driver gets them apart.

    Attributes:
        url: what SQLAlchemy is given; nothing of its query is secret, and it hides a password.
    """

    def __init__(self, url: URL) -> None:
        secret = {name: value for name, value in url.query.items() if is_secret(name)}
        password = secret.pop("password", None)
        if password is not None:
            url = url.set(password=_one(password))
        self.url: Final = url.difference_update_query(
            [name for name in url.query if is_secret(name)]
        )
        self._apart: Final = {name: _one(value) for name, value in secret.items()}

    def __str__(self) -> str:
        return shown(self.url)

    def __repr__(self) -> str:
        return f"Address({str(self)!r})"

    def __reduce__(self) -> str:
        raise TypeError("an address may hold a password, which stays in its process")

    @property
    def is_sqlite(self) -> bool:
        """Whether this is SQLite."""
        return self.url.get_backend_name() == "sqlite"

    def secrets(self) -> dict[str, str]:
        """Return the secrets that are no part of the URL, as arguments of the driver."""
        return dict(self._apart)

    def scrubbed(self, text: str) -> str:
        """Return what a driver said, without any secret."""
        secrets = [self.url.password, *self._apart.values()]
        for secret in filter(None, map(str, filter(None, secrets))):
            for form in (secret, quote(secret, safe="")):
                text = text.replace(form, HIDDEN)
        return text


def shown(url: URL) -> str:
    """Return a URL as text that holds no password."""
    return url.render_as_string(hide_password=True)


def address_of(given: str | os.PathLike[str], setting: str = "db_url") -> Address:
    """Return the address that a URL says; a path is that of a SQLite file.

    Raises:
        ConfigError: it is no URL, or one whose parts cannot be told apart; a secret that may be in
            it is not repeated.
    """
    import sqlalchemy as sa
    from sqlalchemy.exc import ArgumentError

    if isinstance(given, os.PathLike):
        return Address(sa.URL.create("sqlite", database=str(Path(given))))
    try:
        url = sa.make_url(given)
    except (ArgumentError, ValueError, TypeError):
        # Neither the text nor the error of the parser is shown: it quotes what it stumbled over.
        simple = isinstance(given, str) and not set(given) & set(":@=")
        mend = f"a URL such as {_EXAMPLES} is needed"
        raise ConfigError(setting, given if simple else HIDDEN, mend) from None
    if url.drivername in ("postgresql", "postgres"):
        url = url.set(drivername="postgresql+psycopg")
    kind = url.get_backend_name()
    if kind not in ("sqlite", "postgresql"):
        raise ConfigError(setting, without_secrets(url.drivername), f"use {_EXAMPLES}")
    if kind == "sqlite":
        _check_sqlite(url, setting)
    else:
        _check_postgres(url, setting)
    return Address(url)


def _check_sqlite(url: URL, setting: str) -> None:
    if any((url.username, url.password, url.host, url.port)):
        mend = "SQLite has files and no hosts: sqlite:/// and a path, or sqlite://// and all of it"
        raise ConfigError(setting, HIDDEN, mend)
    _refuse_unknown(url, _SQLITE, setting)


def _check_postgres(url: URL, setting: str) -> None:
    at_sign = "@" in f"{url.host or ''}{url.database or ''}"
    if at_sign or "?" in (url.password or "") or "/" in (url.database or ""):
        mend = "its parts cannot be told apart: in a user or password, write @ as %40 and ? as %3F"
        raise ConfigError(setting, HIDDEN, mend)
    _refuse_unknown(url, _libpq().keys(), setting)


def _refuse_unknown(url: URL, known: Iterable[str], setting: str) -> None:
    known = sorted(known)
    for name in url.query:
        if name not in known:
            mend = f"the database has no parameter {name}.{did_you_mean(name, known)}"
            raise ConfigError(setting, HIDDEN, mend)


def refuse_secrets(given: str, setting: str) -> None:
    """Check what PostgreSQL's own programs take, a URL or `name=value` pairs, without a secret.

    Raises:
        ConfigError: it cannot be read, or holds a secret; it is not repeated.
    """
    known = _libpq()
    from psycopg import ProgrammingError
    from psycopg.conninfo import conninfo_to_dict

    try:
        said = conninfo_to_dict(given)
    except ProgrammingError:
        mend = "a URL such as postgresql://user@host/name is needed, or host=... dbname=..."
        raise ConfigError(setting, HIDDEN, mend) from None
    if any(known.get(name) or is_secret(name) for name in said):
        mend = "leave the password out, it would be recorded; PostgreSQL reads ~/.pgpass"
        raise ConfigError(setting, without_secrets(given), mend)


def _libpq() -> dict[str, bool]:
    """Return the parameters that PostgreSQL's library knows, and whether each is a secret."""
    try:
        from psycopg import pq
    except ImportError as error:
        raise MissingExtra("PostgreSQL", extra="postgres", library="psycopg") from error
    return {each.keyword.decode(): each.dispchar == b"*" for each in pq.Conninfo.get_defaults()}


def _one(value: Any) -> str:
    """Return the value of a parameter; the last, if it comes several times."""
    return str(value if isinstance(value, str) else value[-1])
