"""Whatever is not HTML already is escaped, and data never ends the script that holds them."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from capture.report.html import Html, data_script, element, join


class _Reader(HTMLParser):
    """Collects tags, attributes and text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data):
        self.text += data


def read(page: str) -> _Reader:
    reader = _Reader()
    reader.feed(page)
    reader.close()
    return reader


def shown(text: str) -> str:
    said = text.encode("utf-8", "backslashreplace").decode()
    return "".join(c if c in "\n\t" or c.isprintable() or c == "\u200d" else " " for c in said)


@given(st.text(), st.text())
def test_text_and_attributes_come_back_as_they_were_and_make_no_tag(text, value):
    read_back = read(element("p", text, title=value))
    assert read_back.tags == ["p"]
    assert read_back.text == shown(text)
    assert read_back.attributes == [("title", shown(value))]


@given(st.recursive(st.text() | st.integers() | st.none(), lambda v: st.lists(v, max_size=3)))
def test_data_come_back_and_cannot_leave_their_script(value):
    page = data_script("held", {"of": value})
    inner = re.fullmatch(r'<script type="application/json" id="held">(.*)</script>', page, re.S)[1]
    assert json.loads(inner) == {"of": value}
    assert not set("<>&") & set(inner) and inner.isascii()


def test_html_is_not_escaped_twice_and_nothing_is_left_out_but_none():
    assert join("a<", None, Html("<b>"), 0) == "a&lt;<b>0"
    assert element("meta", charset="utf-8") == '<meta charset="utf-8">'
    assert element("p", hidden=True, id=None, class_="x") == '<p hidden class="x"></p>'
