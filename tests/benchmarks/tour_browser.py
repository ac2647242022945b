"""Pictures of the Prefect UI as people see it, in a real browser."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from sen4cap_core.reports.pictures.drawing import png_bytes
from tests.browser import NoBrowserError, open_chromium

WIDTH_PX = 1200
PATIENCE_SECONDS = 90.0
STILL_TRIES = 10
_WHOLE = """
const pictures = [...document.images];
return document.readyState === 'complete'
  && pictures.every(one => one.complete && one.naturalWidth > 0)
  && !document.querySelector('[class*=skeleton], [class*=loading-icon], [class*=p-loading]');
"""


@contextmanager
def open_browser() -> Iterator[webdriver.Chrome]:
    """Open a headless Chromium for pictures."""
    try:
        with open_chromium("--headless=new", "--hide-scrollbars") as browser:
            yield browser
    except NoBrowserError as error:
        raise SystemExit(f"{error}: deployments/bootstrap.sh --with-tests") from error


def take_picture(
    browser: webdriver.Chrome, address: str, expected: tuple[str, ...], height_px: int, largest_bytes: int
) -> bytes:
    """Take a picture of the upper part of a page that is there as a whole; return the PNG.

    Parameters
    ----------
    expected : texts that must be on the page before it is taken

    Raises
    ------
    TimeoutException
        When a text or a picture of the page does not come.
    """
    seen_part = {"width": WIDTH_PX, "height": height_px, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", seen_part)
    browser.get(address)
    wait = WebDriverWait(browser, PATIENCE_SECONDS)
    for text in expected:
        wait.until(lambda page, text=text: text in page.find_element(By.TAG_NAME, "body").text, text)
    # The same whole page twice, a second apart: nothing is on its way. Where a clock runs it never is so.
    seen = b""
    for _ in range(STILL_TRIES):
        wait.until(lambda page: page.execute_script(_WHOLE), f"{address} does not come whole")
        browser.execute_async_script("setTimeout(arguments[0], 1000)")
        before, seen = seen, browser.get_screenshot_as_png()
        if seen == before:
            break
    return png_bytes(Image.open(io.BytesIO(seen)), largest_bytes)
