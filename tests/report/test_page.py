"""The page: one file, small, whole, and the same for the same report."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import sys

import numpy as np
import pytest

import capture
from benchmarks.report_page import recorded
from capture.errors import MissingExtra, StoreError
from capture.report import compute, page
from capture.report.ink import packed
from tests.report.recordings import HOSTILE, HOSTILE_NAME, by_hand

pytestmark = pytest.mark.host

LIMIT_BYTES = 6_000_000


def charts(text: str) -> dict:
    held = re.search(r'<script type="application/json" id="charts">(.*?)</script>', text, re.S)
    return json.loads(held[1])


def test_a_report_on_ten_thousand_signals_is_below_its_limit(tmp_path):
    place = capture.write_report(recorded(tmp_path / "signals", 10_000), tmp_path / "r.html")
    assert place.stat().st_size < LIMIT_BYTES
    drawn = [t for c in charts(place.read_text()).values() for t in c["data"] if "customdata" in t]
    assert sum(len(base64.b64decode(t["customdata"]["bdata"])) // 4 for t in drawn) == 10_000


def test_every_chart_has_its_place_and_every_place_its_chart(busy, handmade):
    for recording in (busy, handmade):
        text = page(compute(recording))
        places = re.findall(r'id="(chart-\d+)"', text)
        assert sorted(places) == sorted(charts(text))


def test_the_policy_allows_the_two_scripts_of_the_page_and_no_other(handmade):
    text = page(compute(handmade))
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)[1]
    allowed = set(re.findall(r"sha256-([^&']+)", policy))
    scripts = re.findall(r"<script>(.*?)</script>", text, re.S)
    digests = [hashlib.sha256(one.encode()).digest() for one in scripts]
    assert {base64.b64encode(one).decode() for one in digests} == allowed
    assert len(allowed) == 2 and "default-src &#x27;none&#x27;" in policy
    assert "unsafe-inline" not in policy.split("script-src")[1].split(";")[0]
    assert "unsafe-eval" not in policy


def test_nothing_of_the_page_lies_elsewhere(handmade):
    text = page(compute(handmade))
    own = re.sub(r"<script>.*?</script>", "", text, flags=re.S)
    assert not re.findall(r'(?:src|href)="(?!#)[^"]*"', own)
    assert "@import" not in own and "url(" not in own


def test_hostile_names_stand_in_the_page_as_text_only(tmp_path):
    recording = by_hand(tmp_path / "s", strategy=HOSTILE, symbol=HOSTILE_NAME, bars=True)
    text = page(compute(recording))
    assert text.count("<script") == text.count("</script") == 3 + text.count('"<script') // 1
    assert "<img" not in re.sub(r"<script>.*?</script>", "", text, flags=re.S)


def test_numbers_come_back_from_their_bytes():
    for kind, values in (
        ("f8", [1.5, -2e300]),
        ("f4", [0.25, 3.0]),
        ("i4", [-1, 7]),
        ("u1", [255]),
    ):
        held = packed(values, kind)
        back = np.frombuffer(base64.b64decode(held["bdata"]), np.dtype(kind).newbyteorder("<"))
        assert held["dtype"] == kind and back.tolist() == values


def test_without_plotly_the_extra_is_named(handmade, monkeypatch):
    monkeypatch.setitem(sys.modules, "plotly", None)
    monkeypatch.setitem(sys.modules, "plotly.offline", None)
    with pytest.raises(MissingExtra, match="report"):
        page(compute(handmade))


def test_a_page_that_cannot_be_written_leaves_nothing_behind(handmade, tmp_path):
    with pytest.raises(StoreError, match="cannot be written"):
        capture.write_report(handmade, tmp_path / "nowhere" / "r.html")
    place = tmp_path / "r.html"
    place.mkdir()
    with pytest.raises(StoreError, match="cannot be written"):
        capture.write_report(handmade, place)
    assert list(tmp_path.iterdir()) == [place]
