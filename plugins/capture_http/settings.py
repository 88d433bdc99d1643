"""Where an HTTP sink sends, and with which secret: checked, and never shown."""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Final

import httpx

from capture.errors import ConfigError, StoreError

__all__ = ["TOKEN", "URL", "Secret", "checked_url", "token_from", "trusted"]

URL: Final = "CAPTURE_HTTP_URL"
"""Environment variable that names the server where no address is given."""
TOKEN: Final = "CAPTURE_HTTP_TOKEN"
"""Environment variable that holds the bearer token."""

_HIDDEN: Final = "***"


@dataclass(frozen=True, slots=True, repr=False)
class Secret:
    """A token that shows itself to nobody who does not ask for it by name."""

    value: str

    def __repr__(self) -> str:
        return f"Secret({_HIDDEN})"

    __str__ = __repr__

    def __reduce__(self) -> str:
        raise TypeError("a secret stays in its process")

    def scrubbed(self, text: str) -> str:
        """Return a text without the secret, which a remote may have echoed."""
        return text.replace(self.value, _HIDDEN)


def token_from(variable: str) -> Secret | None:
    """Return the token that the environment holds; None if it holds none."""
    value = os.environ.get(variable, "").strip()
    if not value:
        return None
    if not value.isascii() or not value.isprintable() or " " in value:
        raise ConfigError(variable, _HIDDEN, "the token must be one word of ASCII characters")
    return Secret(value)


def checked_url(given: str | None, *, setting: str = "url", with_token: bool) -> httpx.URL:
    """Return an address that things may be sent to; what is refused is not repeated.

    Raises:
        ConfigError: it is no address, holds a secret, or would send the token in the clear.
    """
    text = given or os.environ.get(URL)
    if not text:
        mend = f"an address such as https://signals.example/items is needed, here or in {URL}"
        raise ConfigError(setting, None, mend)
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, TypeError, ValueError):
        raise ConfigError(setting, _HIDDEN, "this is no address") from None
    if url.scheme not in ("http", "https") or not url.host:
        raise ConfigError(setting, _HIDDEN, "it must begin with https:// and name a host")
    if url.userinfo or url.query or url.fragment:
        # httpx writes the addresses that it asks into its log.
        mend = f"it may hold no user, password, query or fragment; a secret belongs into {TOKEN}"
        raise ConfigError(setting, _HIDDEN, mend)
    if url.scheme == "http" and with_token and not _is_loopback(url.host):
        raise ConfigError(setting, str(url), "the token would be sent in the clear; use https://")
    return url


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def trusted(ca_file: str | Path | None) -> ssl.SSLContext:
    """Return what certificates are checked against: the usual authorities, or those of a file."""
    if ca_file is None:
        return httpx.create_ssl_context()
    try:
        return ssl.create_default_context(cafile=str(ca_file))
    except (OSError, ssl.SSLError) as exc:
        mend = "name a file of certificates in PEM form"
        raise StoreError(ca_file, f"the authorities cannot be read ({exc})", mend) from exc
