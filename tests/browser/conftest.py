"""A real, headless Chromium, and pages that say what it made of them."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.ui import WebDriverWait

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from selenium.webdriver import Chrome

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)
PATIENCE_SECONDS = 60


@dataclass
class Page:
    """A page that was opened.

    Attributes:
        browser: what it was opened in.
        complaints: what the console said until it was drawn.
        requests: addresses that it asked for, beside its own.
    """

    browser: Chrome
    complaints: list[str]
    requests: list[str]

    def ask(self, script: str, *arguments: Any) -> Any:
        """Return what a script returns."""
        return self.browser.execute_script(script, *arguments)

    def drawn(self) -> str:
        """Wait until all charts are drawn, and return in which theme."""
        said = "return document.documentElement.dataset.drawn || ''"
        return str(WebDriverWait(self.browser, PATIENCE_SECONDS).until(lambda _: self.ask(said)))


def program(*names: str) -> str:
    """Return where a program is; without it, what needs a browser fails."""
    found = next((path for name in names if (path := shutil.which(name))), None)
    assert found is not None, f"{names[0]} is missing: apt-get install chromium chromium-driver"
    return found


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    """One browser for all tests."""
    options = Options()
    options.binary_location = program("chromium", "google-chrome", "chrome")
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    found = webdriver.Chrome(options=options, service=Service(program("chromedriver")))
    found.set_page_load_timeout(PATIENCE_SECONDS)
    yield found
    found.quit()


@pytest.fixture(scope="session")
def opened(browser: Chrome) -> Callable[..., Page]:
    """Open a page, wait until it is drawn, and note what it did."""

    def opened(path: Path, *, width: int = 1440, height: int = 900, dark: bool = False) -> Page:
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        browser.get("about:blank")
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        for log in ("browser", "performance"):
            browser.get_log(log)
        browser.get(path.as_uri())
        page = Page(browser, [], [])
        page.drawn()
        page.complaints += [entry["message"] for entry in browser.get_log("browser")]
        page.requests += [url for url in requested(browser) if url != path.as_uri()]
        return page

    return opened


def requested(browser: Chrome) -> list[str]:
    """Return the addresses that were asked for since this was asked last; not those of data."""
    told = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    sent = [one["params"]["request"]["url"] for one in told if one["method"] == _SENT]
    return [url for url in sent if not url.startswith(("data:", "blob:"))]


_SENT = "Network.requestWillBeSent"
