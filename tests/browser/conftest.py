"""A real Chromium, driven as a person would drive it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.small import Small, make_small, owner_of
from tests.browser.window import OPTIONS
from tests.installation import Installation
from tests.person import Person
from tests.prepared import furnish


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """One Chromium a file. What is expected of a page may come late where the machine is busy.

    Playwright keeps an event loop running in this thread, so it ends before tests come that have one of their own.
    """
    expect.set_options(timeout=60_000)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=OPTIONS)
        yield started
        started.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A fresh window, signed in to nothing. What goes wrong in its console fails the test."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    opened = context.new_page()
    opened.set_default_timeout(60_000)
    complaints: list[str] = []
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    yield opened
    context.close()
    assert not complaints, complaints


@pytest.fixture(scope="session")
def shared_site(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """A running installation for tests of single pages: each has a project of its own in it."""
    site = Installation(furnish(tmp_path_factory.mktemp("shared-site"), tmp_path_factory)).start()
    yield site
    site.stop()


@pytest.fixture(scope="session")
def owner(shared_site: Installation) -> Person:
    """The person whom the printed link signs in."""
    return owner_of(shared_site)


@pytest.fixture
def small(shared_site: Installation, owner: Person, photos: Path, tmp_path: Path) -> Small:
    """A project of two dozen images, nothing labelled."""
    return make_small(shared_site, owner, photos, tmp_path / "some", images=24)
