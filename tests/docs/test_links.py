"""Links lead somewhere, and every page can be found."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.docs.markdown import DOCS, ROOT, anchors, links, name_of, pages

LARGEST_PICTURES = 1_600_000


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_its_links_lead_to_files_and_headings(page: Path) -> None:
    broken = []
    for link in links(page):
        parts = urlsplit(link)
        if parts.scheme:
            continue
        target = (page.parent / parts.path).resolve() if parts.path else page
        if not target.exists() or (parts.fragment and parts.fragment not in anchors(target)):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_its_links_to_the_world_are_encrypted(page: Path) -> None:
    assert [link for link in links(page) if link.startswith("http:")] == []


def test_every_page_of_the_documentation_is_linked_from_its_index() -> None:
    index = DOCS / "index.md"
    linked = {(DOCS / link.partition("#")[0]).resolve() for link in links(index)}
    assert [name_of(page) for page in DOCS.glob("*.md") if page != index and page not in linked] == []


def test_the_front_page_leads_to_the_documentation() -> None:
    assert {"docs/index.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"} <= set(links(ROOT / "README.md"))


def test_every_screenshot_is_shown_somewhere_and_the_repository_stays_small() -> None:
    pictures = set((DOCS / "screenshots").glob("*.png"))
    shown = {(page.parent / link).resolve() for page in DOCS.glob("*.md") for link in links(page)}
    assert pictures - shown == set()
    assert sum(picture.stat().st_size for picture in pictures) < LARGEST_PICTURES
