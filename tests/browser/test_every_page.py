"""Every page opens without a complaint, on a desk and on a phone, and never scrolls sideways."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.small import Small

pytestmark = pytest.mark.browser

PAGES = ("", "/projects/{}", "/projects/{}/images", "/projects/{}/label", "/projects/{}/learn", "/projects/{}/export",
         "/projects/{}/dashboard", "/projects/{}/settings", "/account", "/system", "/there-is-no-such-page")
SIZES = {"desk": (1440, 900), "phone": (390, 844)}


def test_every_page_fits_its_window(browser: Browser, small: Small) -> None:
    told: list[str] = []
    for scheme in ("light", "dark"):
        context = browser.new_context(color_scheme=scheme)  # type: ignore[arg-type]
        page = context.new_page()
        page.on("pageerror", lambda error: told.append(str(error)))
        page.on("console", lambda line: told.append(line.text) if line.type == "error" else None)
        small.sign_in(context)
        for name, (width, height) in SIZES.items():
            page.set_viewport_size({"width": width, "height": height})
            for path in PAGES:
                page.goto(small.address + path.format(small.project))
                expect(page.locator("h1, h2").first).to_be_visible()
                wide = page.evaluate("document.scrollingElement.scrollWidth - window.innerWidth")
                if wide > 0:
                    told.append(f"{path} is {wide} pixels too wide on a {name} ({scheme})")
        context.close()
    assert not told, told
