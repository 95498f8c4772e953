"""Every page opens without a complaint, on a desk and on a phone, and never scrolls sideways."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from mlcore.edge.agent.enrol import enrol
from mlcore.edge.agent.home import Home
from tests.browser.small import Small

pytestmark = pytest.mark.browser

PAGES = ("", "/projects/{}", "/projects/{}/images", "/projects/{}/label", "/projects/{}/learn", "/projects/{}/export",
         "/projects/{}/devices", "/projects/{}/devices/{}", "/projects/{}/dashboard", "/projects/{}/settings", "/fleet",
         "/account", "/system", "/there-is-no-such-page")
SIZES = {"desk": (1440, 900), "phone": (390, 844)}


def device_of(small: Small, folder: Path) -> str:
    """A device of the project, which has only just come in."""
    code = small.owner.post(f"projects/{small.project}/devices/codes", {"name": "Lobby", "group": "Halls"})[1]["code"]
    identity = enrol(home=Home(folder), url=small.address, code=code, authority="", workspace_key="")
    return identity.workspace.device


def test_every_page_fits_its_window(browser: Browser, small: Small, tmp_path: Path) -> None:
    told: list[str] = []
    device = device_of(small, tmp_path / "device")
    for scheme in ("light", "dark"):
        context = browser.new_context(color_scheme=scheme)  # type: ignore[arg-type]
        page = context.new_page()
        page.on("pageerror", lambda error: told.append(str(error)))
        page.on("console", lambda line: told.append(line.text) if line.type == "error" else None)
        small.sign_in(context)
        for name, (width, height) in SIZES.items():
            page.set_viewport_size({"width": width, "height": height})
            for path in PAGES:
                page.goto(small.address + path.format(small.project, device))
                expect(page.locator("h1, h2").first).to_be_visible()
                wide = page.evaluate("document.scrollingElement.scrollWidth - window.innerWidth")
                if wide > 0:
                    told.append(f"{path} is {wide} pixels too wide on a {name} ({scheme})")
        context.close()
    assert not told, told
