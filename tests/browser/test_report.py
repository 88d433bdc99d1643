"""A report in a real browser: drawn, quiet, offline, in both themes, for keyboard and phone."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

import capture
from tests.browser.conftest import requested
from tests.report.recordings import (
    HOSTILE,
    HOSTILE_NAME,
    Never,
    by_hand,
    ran,
    replayed,
    tuned,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = [pytest.mark.browser, pytest.mark.host]

KINDS = ("full", "hostile", "grid", "replay", "by_hand", "numbered", "few", "empty")


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A report of every kind of recording."""
    folder = tmp_path_factory.mktemp("reports")
    full = ran(folder / "full", classifiers=["trend", "volatility"])
    recordings = {
        "full": full,
        "hostile": by_hand(folder / "h", strategy=HOSTILE, symbol=HOSTILE_NAME, bars=True),
        "grid": tuned(folder / "grid"),
        "replay": replayed(full, folder / "replay"),
        "by_hand": by_hand(folder / "hand", strength=False),
        "numbered": ran(folder / "numbered", data=numbered()),
        "few": by_hand(folder / "few", signals=2),
        "empty": ran(folder / "empty", Never),
    }
    made = {kind: folder / f"{kind}.html" for kind in KINDS}
    return {kind: capture.write_report(recordings[kind], made[kind]) for kind in KINDS}


def numbered() -> Any:
    """Bars that have numbers and no times."""
    from backtesting.test import GOOG

    return GOOG.reset_index(drop=True)


@pytest.mark.parametrize("kind", KINDS)
def test_a_report_is_drawn_without_a_complaint_or_a_request(
    opened: Callable[..., Any], reports: dict[str, Path], kind: str
) -> None:
    page = opened(reports[kind])
    assert page.complaints == []
    assert page.requests == []
    shown = page.ask("return [...document.querySelectorAll('.chart')].filter(c => c.offsetParent)")
    drawn = page.ask("return [...document.querySelectorAll('.chart[data-drawn] svg')].length")
    assert drawn >= len(shown)
    assert len(shown) == 0 if kind == "empty" else len(shown) >= 4
    ticks = (
        "return [...document.querySelectorAll('.xtick text, .ytick text')].map(t => t.textContent)"
    )
    numbers = [text for text in page.ask(ticks) if re.fullmatch(r"[\u2212\d.,%kM]+", text)]
    assert max(map(len, numbers), default=0) < 10, "a rounding error is drawn"


def test_what_a_page_would_fetch_or_run_is_noticed_and_refused(
    opened: Callable[..., Any], reports: dict[str, Path]
) -> None:
    page = opened(reports["empty"])
    page.ask(
        "const s = document.createElement('script'); s.textContent = 'window.owned = 4';"
        "document.body.append(s);"
        "const i = new Image(); i.src = 'http://127.0.0.1:9/x.png'; document.body.append(i);"
    )
    said = " ".join(entry["message"] for entry in page.browser.get_log("browser"))
    assert said.count("Content Security Policy") >= 2
    assert page.ask("return window.owned") is None
    assert requested(page.browser) == ["http://127.0.0.1:9/x.png"]


def test_every_signal_is_a_mark_and_every_chart_has_points(
    opened: Callable[..., Any], reports: dict[str, Path]
) -> None:
    page = opened(reports["full"])
    signals = len(capture.open(reports["full"].parent / "full").latest().signals())
    marks = page.ask("return document.querySelectorAll('#market .points path.point').length")
    assert marks == signals
    for chart in page.browser.find_elements(By.CSS_SELECTOR, ".chart"):
        points = page.ask(
            "return arguments[0].querySelectorAll("
            "'.point path, path.point, path.js-line, path.js-fill').length",
            chart,
        )
        assert points > 0, chart.get_attribute("aria-label")
    ribbons = page.ask("return document.querySelectorAll('#market .barlayer .point').length")
    assert ribbons > 20


def test_the_theme_follows_the_system_and_then_the_button_charts_included(
    opened: Callable[..., Any], reports: dict[str, Path]
) -> None:
    look = (
        "const s = getComputedStyle(document.body);"
        "const t = document.querySelector('.chart .xtick text');"
        "const l = document.querySelector('#market .js-line');"
        "return [s.backgroundColor, getComputedStyle(t).fill, getComputedStyle(l).stroke]"
    )
    light = opened(reports["full"]).ask(look)
    page = opened(reports["full"], dark=True)
    dark = page.ask(look)
    assert page.drawn() == "dark"
    assert all(one != other for one, other in zip(light, dark, strict=True))
    button = page.browser.find_element(By.ID, "theme")
    assert (button.text, button.get_attribute("aria-pressed")) == ("Light theme", "true")
    button.send_keys(Keys.ENTER)
    assert page.drawn() == "light"
    assert page.ask(look) == light
    assert page.browser.get_log("browser") == []


def test_hostile_names_are_shown_and_do_nothing(
    opened: Callable[..., Any], reports: dict[str, Path]
) -> None:
    page = opened(reports["hostile"])
    assert page.ask("return window.owned") is None
    assert page.browser.find_element(By.TAG_NAME, "h1").text == HOSTILE
    assert page.ask("return document.querySelectorAll('main img, main script').length") == 0
    assert page.ask("return document.scripts.length") == 3
    shown = page.browser.find_element(By.CSS_SELECTOR, "#market h3").text
    assert shown == f"{HOSTILE_NAME} on {HOSTILE_NAME}"
    said = page.browser.find_element(By.ID, "provenance").text
    assert HOSTILE_NAME in said


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
@pytest.mark.parametrize("kind", ["full", "hostile", "grid"])
def test_nothing_is_wider_than_the_screen(
    opened: Callable[..., Any], reports: dict[str, Path], kind: str, width: int
) -> None:
    page = opened(reports[kind], width=width)
    assert page.complaints == []
    assert page.ask("return document.documentElement.scrollWidth") <= width
    for chart in page.browser.find_elements(By.CSS_SELECTOR, ".chart[data-drawn]"):
        assert page.ask("return arguments[0].querySelector('svg').clientWidth", chart) <= width


def test_another_strategy_is_drawn_when_it_is_chosen(
    opened: Callable[..., Any], reports: dict[str, Path]
) -> None:
    page = opened(reports["grid"])
    options = page.browser.find_elements(By.CSS_SELECTOR, "#timeline option")
    assert len(options) == 3
    options[1].click()
    shown = page.ask("return [...document.querySelectorAll('.timeline')].map(t => t.hidden)")
    assert shown == [True, False, True]
    second = page.browser.find_elements(By.CSS_SELECTOR, ".timeline .chart")[1]
    assert page.ask("return arguments[0].querySelectorAll('path.point').length", second) > 0
    assert page.browser.get_log("browser") == []


def test_the_page_is_for_keyboards_and_screen_readers_too(
    opened: Callable[..., Any], reports: dict[str, Path]
) -> None:
    page = opened(reports["full"])
    page.browser.find_element(By.TAG_NAME, "body").send_keys(Keys.TAB)
    assert page.browser.switch_to.active_element.text == "Skip to the findings"
    for chart in page.browser.find_elements(By.CSS_SELECTOR, ".chart"):
        assert chart.get_attribute("role") == "img"
        assert len(chart.get_attribute("aria-label")) > 10
    levels = page.ask("return [...document.querySelectorAll('h1,h2,h3')].map(h => +h.tagName[1])")
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    ids = page.ask("return [...document.querySelectorAll('[id]')].map(e => e.id)")
    assert len(ids) == len(set(ids))
    named = page.ask(
        "return [...document.querySelectorAll('[aria-labelledby]')]"
        ".every(e => document.getElementById(e.getAttribute('aria-labelledby')))"
    )
    assert named
    assert page.ask("return document.documentElement.lang") == "en"
    for table in page.browser.find_elements(By.CSS_SELECTOR, "table"):
        assert table.find_elements(By.CSS_SELECTOR, "caption, th[scope=col]")


@pytest.mark.parametrize("dark", [False, True])
def test_text_stands_out_from_what_it_stands_on(
    opened: Callable[..., Any], reports: dict[str, Path], dark: bool
) -> None:
    page = opened(reports["full"], dark=dark)
    pairs = [
        ("ink", "card"),
        ("soft", "card"),
        ("soft", "paper"),
        ("text", "card"),
        ("link", "card"),
    ]
    pairs += [(name, f"{name}-back") for name in ("attention", "good", "note")]
    for ink, paper in pairs:
        one, other = (page.ask(_LUMINANCE, f"--{name}") for name in (ink, paper))
        contrast = (max(one, other) + 0.05) / (min(one, other) + 0.05)
        assert contrast >= 4.5, (ink, paper, contrast)


_LUMINANCE = """
const colour = getComputedStyle(document.documentElement).getPropertyValue(arguments[0]).trim();
const parts = [1, 3, 5].map(at => parseInt(colour.slice(at, at + 2), 16) / 255)
  .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
"""
"""Relative luminance as the Web Content Accessibility Guidelines define it."""
