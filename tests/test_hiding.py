"""What is secret of a setting is neither shown nor recorded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import capture
from capture.errors import CaptureError
from capture.hiding import is_secret, without_secrets


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://me:geheim@host/name", "postgresql://me:***@host/name"),
        ("postgresql://me:ge@he:im/1 2@host/name", "postgresql://me:***@host/name"),
        ("postgresql://:geheim@host/name", "postgresql://:***@host/name"),
        ("postgresql://h:5432/n?password=ge@heim&x=1", "postgresql://h:5432/n?password=***&x=1"),
        ("postgresql://h/n?sslmode=require&sslpassword=geheim", None),
        ("host=h password=geheim dbname=n", "host=h password=*** dbname=n"),
        ("host=h password = 'ge heim' dbname=n", "host=h password = *** dbname=n"),
        ("s3://bucket/folder?access_key=geheim", "s3://bucket/folder?access_key=***"),
        ("postgresql://me@host:5432/name?sslmode=require", "postgresql://me@host:5432/name?sslmode=require"),
        ("a note, 10:30 @ the desk", "a note, 10:30 @ the desk"),
    ],
)  # fmt: skip
def test_the_passwords_of_an_address_are_hidden(text: str, shown: str | None) -> None:
    found = without_secrets(text)
    assert "heim" not in found
    assert shown is None or found == shown


def test_what_stands_under_the_name_of_a_secret_is_hidden() -> None:
    said = {"token": "geheim", "limits": [1, "http://me:geheim@host"], "api_key": None, "rows": 5}
    assert without_secrets(said) == {
        "token": "***",
        "limits": [1, "http://me:***@host"],
        "api_key": None,
        "rows": 5,
    }
    assert not any(map(is_secret, ("url", "signing_key", "sslkey", "passfile", "compression")))


@pytest.mark.parametrize(
    "options",
    [
        {"url": "postgresql://me:geheim@host/name"},
        {"url": "postgresql://me@host/name?password=geheim"},
        {"url": "host=nowhere password=geheim"},
        {"password": "geheim"},
    ],
)
def test_a_run_that_was_refused_for_its_password_has_not_recorded_it(
    tmp_path: Path, options: dict[str, Any]
) -> None:
    config = capture.SignalCaptureConfig(
        storage_path=tmp_path / "signals", backend="postgres", options=options
    )
    assert "geheim" not in repr(config)
    with pytest.raises(CaptureError) as refused:
        capture.SignalCaptureEngine(config).capture_signal({"symbol": "GOOG", "direction": 1})
    assert "geheim" not in str(refused.value)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any(path.name == "manifest.json" for path in files)
    assert [path for path in files if b"geheim" in path.read_bytes()] == []
