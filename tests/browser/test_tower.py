"""The tower in a real browser: signing in, live figures, small and dark screens, no complaints."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from entrepot.ground.database import Database
from tests.browser.chromium import Page, chromium
from tests.builders import SKUS
from tests.doors.door import Door, keys_for, running_door
from tests.flows.test_life import react, receive

pytestmark = pytest.mark.browser

FITS = "document.documentElement.scrollWidth <= window.innerWidth"
IS_LIVE = "document.body.dataset.live === 'true'"


@pytest.fixture
def door(lived: Database, database_url: str, tmp_path: Path) -> Iterator[Door]:
    with running_door(database_url, keys_for(lived, ("admin",)), tmp_path) as running:
        yield running


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    with chromium(tmp_path) as opened:
        yield opened


def sign_in(page: Page, door: Door, key: str) -> None:
    page.goto(f"{door.url}/tower")
    page.until("location.pathname === '/sign-in'")
    page.write("#key", key)
    page.click("button")


def test_a_person_watches_the_tower(door: Door, page: Page, lived: Database) -> None:
    sign_in(page, door, "not a key")
    page.until("document.querySelector('#said') !== null")
    assert "it is not a key of this installation" in page.text()
    sign_in(page, door, door.keys["admin"])
    page.until("location.pathname === '/tower'")
    page.until(IS_LIVE)
    before = page.text()
    assert "Where orders stand" in before and "4,321" not in before
    page.evaluate("window.sameDocument = true")
    receive(lived, SKUS[0], "BER", 400_321, "PO-live")
    react(lived)
    page.until("document.body.innerText.includes('400,')")
    assert page.evaluate("window.sameDocument"), "without loading the page anew"
    page.click("summary")
    receive(lived, SKUS[0], "BER", 200_000, "PO-more")
    react(lived)
    page.until("document.body.innerText.includes('600,')")
    assert page.evaluate("document.querySelector('details').open"), "what was opened stays open"
    page.click(".top button")
    page.until("location.pathname === '/sign-in'")
    page.goto(f"{door.url}/tower")
    page.until("location.pathname === '/sign-in'")
    # The browser itself remarks on the answer to the wrong key, and may do so late.
    assert [said for said in page.complaints if "status of 401" not in said] == []


def test_it_fits_small_and_dark_screens(door: Door, page: Page) -> None:
    for width, dark in ((1_280, False), (390, False), (390, True)):
        page.resize(width, 844, dark=dark)
        if width == 1_280:
            sign_in(page, door, door.keys["admin"])
            page.until(IS_LIVE)
        page.until(FITS)
        light = page.evaluate(
            "getComputedStyle(document.body).backgroundColor.match(/\\d+/g)"
            ".map(Number).reduce((a, b) => a + b) > 384"
        )
        assert light is not dark
    assert page.complaints == []


def test_a_session_that_ended_leads_back_to_the_sign_in_page(
    door: Door, page: Page, lived: Database
) -> None:
    sign_in(page, door, door.keys["admin"])
    page.until(IS_LIVE)
    page.call("Network.clearBrowserCookies")
    # The stream ends with its door; opened anew it is refused, and the page is loaded again.
    door.process.terminate()
    door.process.wait(10)
    page.until("document.body.dataset.live === 'false'")
    port = int(door.url.rpartition(":")[2])
    folder = door.log.parent
    with running_door(str(lived.url), door.keys, folder, port):
        page.until("location.pathname === '/sign-in'")
