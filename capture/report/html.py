"""HTML from parts: whatever is not HTML already is escaped."""

from __future__ import annotations

import json
from html import escape
from typing import Any, Final

__all__ = ["Html", "data_script", "element", "join"]

_EMPTY: Final = frozenset({"meta", "link", "br", "hr", "input"})
# What could end a script element, or begin a comment in one, wherever it stands in the text.
_RISKY: Final = {
    "<": "\\u003c",
    ">": "\\u003e",
    "&": "\\u0026",
    "\u2028": "\\u2028",
    "\u2029": "\\u2029",
}


class Html(str):
    """Text that is HTML, and is not escaped again."""

    __slots__ = ()


def element(name: str, /, *children: object, **attributes: object) -> Html:
    """Return an element.

    Args:
        name: of the element.
        children: what stands in it; what is not `Html` is escaped, None is left out.
        attributes: `class_` is `class`, `aria_label` is `aria-label`; None and False are left out,
            True has no value.
    """
    said = []
    for word, value in attributes.items():
        if value is None or value is False:
            continue
        key = word.rstrip("_").replace("_", "-")
        said.append(key if value is True else f'{key}="{escape(_clean(value))}"')
    opened = " ".join([name, *said])
    if name in _EMPTY:
        return Html(f"<{opened}>")
    return Html(f"<{opened}>{join(*children)}</{name}>")


def join(*children: object) -> Html:
    """Return HTML one after the other; what is not HTML is escaped."""
    return Html("".join(_written(one) for one in children if one is not None))


def _written(child: object) -> str:
    return str(child) if isinstance(child, Html) else escape(_clean(child), quote=False)


def _clean(value: object) -> str:
    """Return a text that UTF-8 can hold, without controls that no page may have."""
    said = str(value).encode("utf-8", "backslashreplace").decode()
    return "".join(c if c in "\n\t" or c.isprintable() or c == "\u200d" else " " for c in said)


def data_script(identity: str, value: Any) -> Html:
    """Return values for a script to read: JSON in ASCII, that nothing in the data can leave."""
    text = json.dumps(value, allow_nan=False, separators=(",", ":"), ensure_ascii=True)
    for sign, written in _RISKY.items():
        text = text.replace(sign, written)
    return Html(f'<script type="application/json" id="{escape(identity)}">{text}</script>')
