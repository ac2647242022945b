"""A real browser for the pages that people look at."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from selenium import webdriver


class NoBrowserError(Exception):
    """There is no Chromium with its driver on this machine."""


@contextmanager
def open_chromium(*arguments: str) -> Iterator[webdriver.Chrome]:
    """Open a headless Chromium with a profile of its own, which goes with it.

    Raises
    ------
    NoBrowserError
        When the browser or its driver is not installed.
    """
    binary, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not binary or not driver:
        raise NoBrowserError("no Chromium with its driver on this machine")
    with tempfile.TemporaryDirectory(prefix="sen4cap-chromium-") as profile:
        options = webdriver.ChromeOptions()
        options.binary_location = binary
        for argument in (
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            f"--user-data-dir={profile}",
            *arguments,
        ):
            options.add_argument(argument)
        browser = webdriver.Chrome(options, webdriver.ChromeService(driver))
        try:
            yield browser
        finally:
            browser.quit()
