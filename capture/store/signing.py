"""Signatures of manifests: HMAC-SHA256 with a shared key, or Ed25519 with a key pair."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import TYPE_CHECKING, Any, Final

from capture.errors import MissingExtra, StoreError
from capture.store.records import HASH, compact

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["SIGNATURE", "shared_secret", "sign", "signature_problem"]

SIGNATURE: Final = "signature"
_HMAC: Final = "hmac-sha256"
_ED25519: Final = "ed25519"
_SHORTEST_SECRET_BYTES: Final = 16
_PEM: Final = b"-----BEGIN"
_DOMAIN: Final = b"signal-capture manifest 1\n"


def sign(manifest: Mapping[str, Any], key: Path) -> dict[str, str]:
    """Return the signature over everything in a manifest but its own hash."""
    secret, text = _read_key(key), _signed_text(manifest)
    if not secret.startswith(_PEM):
        return {"algorithm": _HMAC, "value": hmac.new(secret, text, hashlib.sha256).hexdigest()}
    from_pem = _ed25519()
    private = from_pem(secret, key)
    if not hasattr(private, "sign"):
        raise StoreError(key, "this is a public key", "signing needs the private one")
    return {"algorithm": _ED25519, "value": base64.b64encode(private.sign(text)).decode()}


def signature_problem(manifest: Mapping[str, Any], key: Path) -> str | None:
    """Return what is wrong with a manifest's signature, or None if the key confirms it."""
    signature = manifest.get(SIGNATURE)
    secret, text = _read_key(key), _signed_text(manifest)
    expected = _ED25519 if secret.startswith(_PEM) else _HMAC
    if not isinstance(signature, dict):
        return "the manifest is not signed"
    if signature.get("algorithm") != expected:
        return f"the manifest is signed with {signature.get('algorithm')}, the key is {expected}"
    value = str(signature.get("value"))
    if expected == _HMAC:
        own = hmac.new(secret, text, hashlib.sha256).hexdigest()
        good = hmac.compare_digest(own.encode(), value.encode("utf-8", "replace"))
    else:
        good = _ed25519_confirms(secret, key, value, text)
    return None if good else "the signature is not this key's"


def shared_secret(key: Path) -> bytes:
    """Return the bytes of a shared key; a key pair is refused."""
    secret = _read_key(key)
    if secret.startswith(_PEM):
        raise StoreError(
            key, "this is a key pair", "a shared key is needed, such as `openssl rand -hex 32`"
        )
    return secret


def _signed_text(manifest: Mapping[str, Any]) -> bytes:
    bare = {k: v for k, v in manifest.items() if k not in (HASH, SIGNATURE)}
    return _DOMAIN + compact(bare).encode()


def _read_key(key: Path) -> bytes:
    try:
        secret = key.read_bytes()
    except OSError as exc:
        raise StoreError(key, f"the key cannot be read ({exc.strerror})") from exc
    if not secret.startswith(_PEM):
        # An editor's newline at the end must not make it another key.
        secret = secret.rstrip(b"\r\n")
        if len(secret) < _SHORTEST_SECRET_BYTES:
            raise StoreError(
                key,
                f"a shared key of {len(secret)} bytes is too short",
                f"use at least {_SHORTEST_SECRET_BYTES}, such as `openssl rand -hex 32`",
            )
    return secret


def _ed25519_confirms(pem: bytes, key: Path, value: str, text: bytes) -> bool:
    from_pem = _ed25519()
    from cryptography.exceptions import InvalidSignature

    loaded = from_pem(pem, key)
    public = loaded.public_key() if hasattr(loaded, "sign") else loaded
    try:
        public.verify(base64.b64decode(value, validate=True), text)
    except (InvalidSignature, ValueError):
        return False
    return True


def _ed25519() -> Any:
    """Return the function that reads an Ed25519 key, private or public, from PEM."""
    try:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ed25519
    except ImportError as exc:
        raise MissingExtra("an Ed25519 signature", extra="sign", library="cryptography") from exc

    def from_pem(pem: bytes, key: Path) -> Any:
        try:
            if b"PRIVATE" in pem.splitlines()[0]:
                loaded: Any = serialization.load_pem_private_key(pem, password=None)
            else:
                loaded = serialization.load_pem_public_key(pem)
        except (ValueError, TypeError) as exc:
            raise StoreError(key, f"the key cannot be read: {exc}") from exc
        if not isinstance(loaded, (ed25519.Ed25519PrivateKey, ed25519.Ed25519PublicKey)):
            raise StoreError(key, "this is no Ed25519 key", "HMAC keys are plain bytes, not PEM")
        return loaded

    return from_pem
