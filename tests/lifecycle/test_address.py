"""A password is in no text: not of an address, an error, a log, an answer or a file."""

from __future__ import annotations

import logging
import pickle  # noqa: TID251 - to see that it is refused
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from capture import SignalTracker
from capture.cli import cli
from capture.errors import CaptureError, ConfigError, StoreError
from capture_sql import SignalRepository
from capture_sql.address import address_of

Make = Callable[..., dict[str, Any]]
AWAY = [
    "postgresql://me:geheim@127.0.0.1:1/name",
    "postgresql://me:ge%40heim@127.0.0.1:1/name",
    "postgresql://me:ge/heim@127.0.0.1:1/name",
    "postgresql://me@127.0.0.1:1/name?password=geheim",
    "postgresql://me@127.0.0.1:1/name?sslpassword=geheim&connect_timeout=5",
]
REFUSED = [
    "postgresql://me:geheim@127.0.0.1:port/name",
    "postgresql://me:geheim@127.0.0.1:/name:x@y",
    "postgresql://me:ge@heim@127.0.0.1:1/name",
    "postgresql://127.0.0.1:1/name?password=ge@heim",
    "postgresql:///me:geheim@127.0.0.1/name",
    "postgresql:me:geheim@127.0.0.1/name",
    "postgresql://me@127.0.0.1/name?pasword=geheim",
    "mysql://me:geheim@127.0.0.1/name",
    "sqlite://me:geheim@host/lifecycle.sqlite",
    "sqlite:///lifecycle.sqlite?key=geheim",
]


def _everything(error: BaseException) -> str:
    """What a program that lets an error through prints."""
    return "".join(traceback.format_exception(error)) + repr(error) + repr(vars(error))


@pytest.mark.parametrize("url", AWAY)
def test_an_address_shows_where_and_not_the_password(url: str) -> None:
    address = address_of(url)
    for text in (str(address), repr(address), str(address.url), repr(address.url)):
        assert "heim" not in text
        assert "me" in text and "127.0.0.1:1/name" in text
    with pytest.raises(TypeError, match="stays in its process"):
        pickle.dumps(address)


@pytest.mark.parametrize("url", AWAY)
def test_a_database_that_is_away_is_named_without_its_password(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG), pytest.raises(StoreError, match=r"127\.0\.0\.1") as away:
        SignalRepository(url)
    assert "heim" not in _everything(away.value) + caplog.text


@pytest.mark.parametrize("url", REFUSED)
def test_an_address_that_cannot_be_read_is_refused_without_being_repeated(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigError, match=r"db_url='(\*\*\*|mysql)' cannot be used: ") as refused:
        SignalRepository(url)
    assert "heim" not in _everything(refused.value)
    monkeypatch.setenv("CAPTURE_DATABASE", url)
    with pytest.raises(ConfigError, match=r"CAPTURE_DATABASE=") as refused:
        SignalRepository()
    assert "heim" not in _everything(refused.value)


def test_a_misspelt_parameter_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no parameter sslmod\. Did you mean.*sslmode"):
        address_of("postgresql://me@host/name?sslmod=require")
    with pytest.raises(ConfigError, match="no parameter journal"):
        address_of(f"sqlite:///{tmp_path}/x.sqlite?journal=wal")


def test_what_a_driver_says_is_scrubbed() -> None:
    address = address_of("postgresql://me:ge%40heim@host/name?sslpassword=other")
    assert address.scrubbed("no ge@heim, ge%40heim, other") == "no ***, ***, ***"


def test_the_password_reaches_the_server_and_nothing_else(
    postgres_url: str, signal: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The server that tests use asks for no password; that one is sent is not refused."""
    url = f"{postgres_url}&password=geheim&sslpassword=geheim"
    with caplog.at_level(logging.DEBUG), SignalRepository(url, sinks=("http",)) as repository:
        parameters = repository.database.engine.dialect.create_connect_args(repository.database.url)
        assert parameters[1]["password"] == "geheim"
        with SignalTracker(repository, spool=tmp_path / "spool", audit=tmp_path / "audit") as one:
            signal_id = one.log_signal(signal())
        told = [
            repository.place,
            str(repository.database),
            repr(repository.database.engine),
            repr(repository.database.address),
            str(repository.verify()),
            repr(repository.get_signal_by_id(signal_id)),
        ]
        with pytest.raises(CaptureError) as missing:
            repository.update_signal_status("nobody", "executed")
        told.append(_everything(missing.value))
    assert "geheim" not in "".join(told) + caplog.text
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path for path in files if b"geheim" in path.read_bytes()] == []


@pytest.mark.parametrize("debug", [(), ("--debug",)], ids=["plain", "debug"])
@pytest.mark.parametrize(
    "words",
    [
        ("lifecycle", "list"),
        ("lifecycle", "verify"),
        ("lifecycle", "migrate"),
        ("verify",),
        ("stats",),
        ("metrics", "--port", "0"),
        ("deliver",),
    ],
    ids=lambda words: "-".join(words[:2]),
)
def test_no_verb_shows_the_password(words: tuple[str, ...], debug: tuple[str, ...]) -> None:
    for url in (AWAY[0], AWAY[3], REFUSED[0]):
        done = CliRunner().invoke(cli, [*words, "--db", url, *debug], prog_name="capture")
        assert done.exit_code == 2, done.output
        assert "heim" not in done.output
        assert done.stderr.splitlines()[-1].startswith("capture: ")
        assert ("Traceback" in done.stderr) == bool(debug)
