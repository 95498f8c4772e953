"""What a person answered is never lost: not without a network, not over a reload, not when the page is closed in between."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.small import Small
from tests.installation import wait_until

pytestmark = pytest.mark.browser


def test_answers_without_a_network_arrive_when_it_is_back(page: Page, small: Small) -> None:
    open_labelling(page, small)
    page.context.set_offline(True)
    for key in "121":
        answer(page, key)
    expect(state(page)).to_have_attribute("data-save-state", "pending")
    expect(state(page)).to_contain_text("kept here until the server is back")
    assert small.labelled() == 0

    page.context.set_offline(False)
    expect(state(page)).to_have_attribute("data-save-state", "saved")
    assert small.labelled() == 3


def test_answers_wait_in_the_browser_while_the_page_is_closed(page: Page, small: Small) -> None:
    open_labelling(page, small)
    page.context.set_offline(True)
    answer(page, "1")
    answer(page, "2")
    expect(state(page)).to_contain_text("2 answers kept here")
    context = page.context
    page.close()
    context.set_offline(False)
    assert small.labelled() == 0

    again = context.new_page()
    again.goto(f"{small.address}/projects/{small.project}/label")
    wait_until(lambda: small.labelled() == 2, "the answers that waited in the browser")
    expect(state(again)).to_have_attribute("data-save-state", "saved")


def test_a_reload_shows_the_same_image(page: Page, small: Small) -> None:
    open_labelling(page, small)
    answer(page, "1")
    shown = page.locator("div[data-image]").get_attribute("data-image")
    expect(state(page)).to_have_attribute("data-save-state", "saved")
    page.reload()
    expect(page.locator("div[data-image]")).to_have_attribute("data-image", shown or "")


def test_going_back_changes_the_last_answer(page: Page, small: Small) -> None:
    open_labelling(page, small)
    first = page.locator("div[data-image]").get_attribute("data-image") or ""
    answer(page, "1")
    page.keyboard.press("Backspace")
    expect(page.locator("div[data-image]")).to_have_attribute("data-image", first)
    answer(page, "2")
    wait_until(lambda: small.standing(first) == small.classes[1], "the second answer to stand")
    assert small.labelled() == 1


def open_labelling(page: Page, small: Small) -> None:
    """Sign in and go to the label page."""
    small.sign_in(page.context)
    page.goto(f"{small.address}/projects/{small.project}/label")
    expect(page.locator("div[data-image] img")).to_be_visible()


def answer(page: Page, key: str) -> None:
    """One key, and the next image is there."""
    stage = page.locator("div[data-image]")
    expect(stage.locator("img")).to_be_visible()
    before = stage.get_attribute("data-image") or ""
    page.keyboard.press(key)
    expect(stage).not_to_have_attribute("data-image", before)


def state(page: Page) -> Any:
    """The line that says whether all is saved."""
    return page.get_by_role("region", name="Session").locator("[data-save-state]")
