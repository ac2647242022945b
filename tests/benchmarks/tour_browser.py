"""Pictures of the Prefect UI as people see it, in a real browser."""

from __future__ import annotations

import io
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

LARGEST_BYTES = 150_000
COLOURS = (256, 128, 64, 32)
PATIENCE_SECONDS = 90.0
_WHOLE = """
const pictures = [...document.images];
return document.readyState === 'complete'
  && pictures.every(one => one.complete && one.naturalWidth > 0)
  && !document.querySelector('[class*=skeleton], [class*=loading-icon], [class*=p-loading]');
"""


@contextmanager
def open_browser(width_px: int = 1280, height_px: int = 900) -> Iterator[webdriver.Chrome]:
    """Open a headless Chromium with a profile of its own."""
    binary, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not binary or not driver:
        raise SystemExit("no Chromium with its driver on this machine: deployments/bootstrap.sh --with-tests")
    with tempfile.TemporaryDirectory(prefix="sen4cap-chromium-") as profile:
        options = webdriver.ChromeOptions()
        options.binary_location = binary
        for argument in (
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            f"--window-size={width_px},{height_px}",
            f"--user-data-dir={profile}",
        ):
            options.add_argument(argument)
        browser = webdriver.Chrome(options, webdriver.ChromeService(driver))
        try:
            light = [{"name": "prefers-color-scheme", "value": "light"}]
            browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": light})
            yield browser
        finally:
            browser.quit()


def take_picture(browser: webdriver.Chrome, address: str, expected: tuple[str, ...], target: Path) -> int:
    """Take a picture of a page that is there as a whole; return its size in bytes.

    Parameters
    ----------
    expected : texts that must be in sight before it is taken

    Raises
    ------
    TimeoutException
        When a text or a picture of the page does not come.
    """
    browser.get(address)
    wait = WebDriverWait(browser, PATIENCE_SECONDS)
    for text in expected:
        wait.until(lambda page, text=text: text in page.find_element(By.TAG_NAME, "body").text, text)
    # The same whole page twice, half a second apart: nothing is still on its way.
    seen = b""
    for _ in range(20):
        wait.until(lambda page: page.execute_script(_WHOLE))
        browser.execute_async_script("setTimeout(arguments[0], 500)")
        now = browser.get_screenshot_as_png()
        if now == seen:
            break
        seen = now
    return _write_small(now, target)


def _write_small(png: bytes, target: Path) -> int:
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    for colours in COLOURS:
        buffer = io.BytesIO()
        picture.quantize(colours, dither=Image.Dither.NONE).save(buffer, "PNG", optimize=True)
        if buffer.tell() <= LARGEST_BYTES:
            target.write_bytes(buffer.getvalue())
            return buffer.tell()
    raise ValueError(f"{target.name} has {buffer.tell()} bytes in {COLOURS[-1]} colours")
