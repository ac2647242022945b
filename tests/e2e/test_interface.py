"""The Prefect UI as people see it, in a real browser."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from sen4cap_core.simulation.season import simulate_season
from tests.browser import NoBrowserError, open_chromium
from tests.e2e.system import System

pytestmark = pytest.mark.e2e

SITE = "looked-at"


@pytest.fixture(scope="module")
def browser() -> Iterator[webdriver.Chrome]:
    """A headless Chromium; without one these tests are skipped."""
    with ExitStack() as stack:
        try:
            chrome = stack.enter_context(
                open_chromium("--headless", "--disable-quic", "--window-size=1500,1400")
            )
        except NoBrowserError as error:
            pytest.skip(str(error))
        yield chrome


@pytest.fixture(scope="module")
def season(system: System) -> str:
    """A small simulated season, dropped and answered; returns the address of the interface."""
    folder = Path(tempfile.mkdtemp(prefix="sen4cap-season-"))
    simulate_season(folder / SITE, size_m=1500, n_dates=8, bands="10m-only-ndvi")
    shutil.copytree(folder / SITE, system.uploads / SITE)
    system.wait_quiet(SITE, scenes=8, seconds=300)
    system.wait_until(lambda: system.progress(SITE).evaluated)
    shutil.rmtree(folder)
    return system.place.prefect_api_url().removesuffix("/api")


def text_of(browser: webdriver.Chrome, address: str, expected: str) -> str:
    browser.get(address)
    wait = WebDriverWait(browser, 60)
    wait.until(lambda page: expected in page.find_element(By.TAG_NAME, "body").text)
    return browser.find_element(By.TAG_NAME, "body").text


def test_runs_are_listed_by_readable_names(browser: webdriver.Chrome, season: str) -> None:
    assert "process-scene 30TUM 2019-" in text_of(browser, f"{season}/runs", "process-scene 30TUM")


def test_the_mowing_page_shows_parcels_and_compliance(
    browser: webdriver.Chrome, season: str, system: System
) -> None:
    (artifact, *_) = system.artifacts(f"mowing-{SITE}-main-2019")
    text = text_of(browser, f"{season}/artifacts/artifact/{artifact['id']}", "Mowing events")

    assert "By crop" in text


def test_a_scene_page_shows_its_picture(browser: webdriver.Chrome, season: str, system: System) -> None:
    # A scene without a clear pixel is skipped, and has no page.
    done = [run for run in system.flow_runs("process-scene") if run["state_type"] == "COMPLETED"]
    (run, *_) = [run for run in done if f"site:{SITE}" in run["tags"]]
    (artifact,) = system.artifacts_of(run["id"])
    text_of(browser, f"{season}/artifacts/artifact/{artifact['id']}", "Clear")
    pictures = browser.find_elements(By.CSS_SELECTOR, "img[src^='data:image/png']")

    assert any(int(picture.get_property("naturalWidth")) > 300 for picture in pictures)
