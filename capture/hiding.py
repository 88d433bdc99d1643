"""What must not be shown: the values of secret settings, and the passwords in addresses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

__all__ = ["HIDDEN", "is_secret", "without_secrets"]

HIDDEN: Final = "***"
"""Stands where a secret was."""

_SECRET: Final = (
    r"[\w.-]*(?:passw|passphrase|pwd|secret|token|credential"
    r"|(?:api|access|account|client|server|private)[_-]?key)[\w.-]*"
)
_NAME: Final = re.compile(_SECRET, re.IGNORECASE)
_SETTING: Final = re.compile(rf"(\b{_SECRET}\s*=\s*)('(?:[^'\\]|\\.)*'|[^\s&']+)", re.IGNORECASE)
# From the first colon to the last @: what is in between may be a password that is not encoded.
_LOGIN: Final = re.compile(r"(\w://[^:/?#@\s]*):.*@")


def is_secret(name: str) -> bool:
    """Say whether a setting of this name holds a secret, as far as its name tells."""
    return _NAME.fullmatch(name) is not None


def without_secrets(value: Any, name: str = "") -> Any:
    """Return a setting's value as it may be shown and recorded.

    In a text, passwords of addresses and of `name=value` pairs are hidden; in a mapping, also what
    stands under the name of a secret.
    """
    if isinstance(value, Mapping):
        return {key: without_secrets(each, str(key)) for key, each in value.items()}
    if value is not None and is_secret(name):
        return HIDDEN
    if isinstance(value, str):
        return _LOGIN.sub(rf"\1:{HIDDEN}@", _SETTING.sub(rf"\1{HIDDEN}", value))
    if isinstance(value, (list, tuple)):
        return type(value)(map(without_secrets, value)) if type(value) in (list, tuple) else value
    return value
