"""A signed manifest is confirmed by its key and by no other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from capture.errors import StoreError
from capture.store.records import read_record, write_record
from capture.store.verify import verify

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from capture.store.store import Store


def pem_pair(folder: Path, name: str, private: Ed25519PrivateKey) -> tuple[Path, Path]:
    secret, public = folder / f"{name}.pem", folder / f"{name}.pub"
    secret.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    public.write_bytes(
        private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    return secret, public


@pytest.fixture
def keys(tmp_path: Path) -> dict[str, Path]:
    """Return keys by name: a shared one, a pair, and others that did not sign."""
    found = {}
    for name in ("shared", "other_shared"):
        found[name] = tmp_path / name
        found[name].write_text(name * 10 + "\n")
    for name in ("pair", "other_pair"):
        secret, public = pem_pair(tmp_path, name, Ed25519PrivateKey.generate())
        found[name], found[f"{name}_public"] = secret, public
    return found


@pytest.mark.parametrize(
    ("signs", "confirms"), [("shared", "shared"), ("pair", "pair_public"), ("pair", "pair")]
)
def test_the_key_confirms_its_signature(
    store: Store, record: Callable[..., str], keys: dict[str, Path], signs: str, confirms: str
) -> None:
    record(store, config={"signing_key": str(keys[signs])})
    assert verify(store).ok
    assert verify(store, key=keys[confirms]).ok


@pytest.mark.parametrize("signs", ["shared", "pair"])
@pytest.mark.parametrize("other", ["other_shared", "other_pair_public"])
def test_another_key_is_a_finding(
    store: Store, record: Callable[..., str], keys: dict[str, Path], signs: str, other: str
) -> None:
    run_id = record(store, config={"signing_key": str(keys[signs])})
    (finding,) = verify(store, key=keys[other]).findings
    assert finding.run_id == run_id
    assert "sign" in finding.problem


def test_a_manifest_without_a_signature_is_a_finding_where_one_is_asked_for(
    store: Store, record: Callable[..., str], keys: dict[str, Path]
) -> None:
    record(store)
    (finding,) = verify(store, key=keys["shared"]).findings
    assert finding.problem == "the manifest is not signed"


@pytest.mark.parametrize("signs", ["shared", "pair"])
def test_a_manifest_that_was_forged_with_its_hash_is_found(
    store: Store, record: Callable[..., str], keys: dict[str, Path], signs: str
) -> None:
    run_id = record(store, config={"signing_key": str(keys[signs])})
    path = store.root / "runs" / run_id / "manifest.json"
    write_record(path, {**read_record(path), "seed": 99})
    assert verify(store).ok, "without the key this cannot be seen"
    (finding,) = verify(store, key=keys[signs]).findings
    assert finding.problem == "the signature is not this key's"


def test_a_newline_that_an_editor_adds_makes_no_other_key(
    store: Store, record: Callable[..., str], tmp_path: Path, keys: dict[str, Path]
) -> None:
    record(store, config={"signing_key": str(keys["shared"])})
    (tmp_path / "stripped").write_bytes(keys["shared"].read_bytes().rstrip())
    assert verify(store, key=tmp_path / "stripped").ok


def test_keys_that_cannot_be_used_are_refused(
    store: Store, record: Callable[..., str], tmp_path: Path, keys: dict[str, Path]
) -> None:
    record(store)
    (tmp_path / "short").write_text("secret")
    (tmp_path / "broken").write_text("-----BEGIN PRIVATE KEY-----\nx\n")
    wrong = ec.generate_private_key(ec.SECP256R1()).public_key()
    (tmp_path / "wrong").write_bytes(
        wrong.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    record(store, config={"signing_key": str(keys["pair"])})
    for name, problem in [
        ("missing", "cannot be read"),
        ("short", "too short"),
    ]:
        with pytest.raises(StoreError, match=problem):
            verify(store, key=tmp_path / name)
    for name, problem in [("broken", "cannot be read"), ("wrong", "no Ed25519 key")]:
        run_id = store.latest().run_id
        with pytest.raises(StoreError, match=problem):
            verify(store, run_id, key=tmp_path / name)
    with pytest.raises(StoreError, match="public key; signing needs the private one"):
        record(store, config={"signing_key": str(keys["pair_public"])})
