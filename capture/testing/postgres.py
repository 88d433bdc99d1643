"""A PostgreSQL server for tests: one that runs here, or one of our own."""

from __future__ import annotations

import os
import pwd
import re
import secrets
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["SERVER", "database", "schema"]

SERVER: Final = "CAPTURE_TEST_POSTGRES"
"""Environment variable: URL of a server on which tests may make databases."""

_USUAL: Final = (
    "postgresql://postgres@127.0.0.1:5432/postgres",
    "postgresql:///postgres",
)
_INSTALLED: Final = Path("/usr/lib/postgresql")
_UNPRIVILEGED: Final = ("postgres", "nobody")


@contextmanager
def database() -> Iterator[str]:
    """Give the URL of an empty database, which is dropped afterwards.

    Raises:
        RuntimeError: no server runs here, and none is installed.
    """
    with _server() as url:
        import psycopg

        name = f"capture_test_{secrets.token_hex(6)}"
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} ENCODING 'UTF8' TEMPLATE template0")
        try:
            base, _, query = url.partition("?")
            ours = re.sub(r"/[^/]*$", f"/{name}", base) + (f"?{query}" if query else "")
            yield ours
        finally:
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def schema(url: str, script: str = "") -> Iterator[str]:
    """Give the URL of a new schema of a database, which is dropped afterwards.

    Args:
        url: the database.
        script: SQL that is run in the schema before; with it, it is made in one round trip.
    """
    import psycopg

    name = f"test_{secrets.token_hex(6)}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {name}; SET search_path TO {name}; {script}".encode())
    try:
        yield f"{url}{'&' if '?' in url else '?'}options=-csearch_path%3D{name}"
    finally:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(f"DROP SCHEMA {name} CASCADE")


@contextmanager
def _server() -> Iterator[str]:
    given = os.environ.get(SERVER)
    for url in (given,) if given else _USUAL:
        if url and (given or _answers(url)):
            yield url
            return
    with _own_server() as url:
        yield url


def _answers(url: str) -> bool:
    import psycopg

    try:
        with psycopg.connect(url, connect_timeout=2) as connection:
            found = connection.execute("SELECT rolcreatedb FROM pg_roles WHERE rolname = user")
            return bool((found.fetchone() or (False,))[0])
    except psycopg.OperationalError:
        return False


@contextmanager
def _own_server() -> Iterator[str]:
    """Start a server in a temporary folder; it listens on a socket there, and nowhere else."""
    programs = _programs()
    owner = _owner()
    # A socket's path must be short, so not wherever pytest keeps its folders.
    folder = Path(mkdtemp(prefix="pg-"))
    data = folder / "data"
    if owner is not None:
        os.chown(folder, owner.pw_uid, owner.pw_gid)
    try:
        _run(
            owner,
            folder,
            programs / "initdb",
            "-D",
            data,
            "-U",
            "postgres",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "-N",
        )
        settings = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off"
        log = folder / "log"
        _run(
            owner, folder, programs / "pg_ctl", "-D", data, "-l", log, "-o", settings, "-w", "start"
        )
        try:
            yield f"postgresql://postgres@/postgres?host={folder}"
        finally:
            _run(owner, folder, programs / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _programs() -> Path:
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    versions = [path.parent for path in _INSTALLED.glob("*/bin/initdb")]
    if not versions:
        raise RuntimeError(
            "no PostgreSQL server answers here, and none is installed. Install one (Debian and "
            f"Ubuntu: apt-get install postgresql), or name one that runs: {SERVER}=postgresql://..."
        )
    return max(versions, key=lambda path: float(path.parent.name))


def _owner() -> pwd.struct_passwd | None:
    """Return whom the server runs as: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    for name in _UNPRIVILEGED:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise RuntimeError(f"PostgreSQL does not run as root, and there is no {_UNPRIVILEGED[-1]}")


def _run(owner: pwd.struct_passwd | None, folder: Path, *words: str | Path) -> None:
    done = subprocess.run(
        [str(word) for word in words],
        cwd=folder,
        env={**os.environ, "HOME": str(folder), "LC_ALL": "C"},
        stdout=subprocess.PIPE if words[0].name == "initdb" else subprocess.DEVNULL,  # type: ignore[union-attr]
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        user=None if owner is None else owner.pw_uid,
        group=None if owner is None else owner.pw_gid,
        extra_groups=None if owner is None else [],
    )
    if done.returncode:
        log = folder / "log"
        said = log.read_text() if log.exists() else done.stdout
        raise RuntimeError(f"{words[0]} failed: {said}")
