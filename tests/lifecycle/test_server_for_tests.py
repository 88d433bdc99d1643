"""Where no PostgreSQL server runs, tests start their own; where none is installed, they fail."""

from __future__ import annotations

from pathlib import Path

import pytest

from capture.testing import postgres
from capture_sql import SignalRepository


def test_a_server_of_our_own_is_started_and_gone_afterwards(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(postgres.SERVER, raising=False)
    monkeypatch.setattr(postgres, "_USUAL", ())
    with postgres.database() as url:
        folder = Path(url.partition("host=")[2])
        assert (folder / "data" / "postmaster.pid").exists()
        with SignalRepository(url) as repository:
            repository.save_signal({"symbol": "GOOG", "side": "buy"})
            assert len(repository.get_signals()) == 1
    assert not folder.exists()


def test_without_a_server_and_without_its_programs_nothing_is_skipped(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv(postgres.SERVER, raising=False)
    monkeypatch.setattr(postgres, "_USUAL", ())
    monkeypatch.setattr(postgres, "_INSTALLED", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RuntimeError, match="apt-get install postgresql"), postgres.database():
        pass
