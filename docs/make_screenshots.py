"""Photographs the real pages for the documentation: a site of its own, real images, a headless Chromium.

    python -m docs.make_screenshots FOLDER [--out docs/screenshots] [--answers 260]

FOLDER has one folder of images for each class. Their names give the answers, so the numbers on the pages are what a person
who knows the classes would see. The pictures are PNG with 256 colours, so that the repository stays small.
"""

from __future__ import annotations

import argparse
import io
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.site import ask, owner_of, wait_for_features, wait_for_model
from tests.browser.window import OPTIONS
from tests.installation import Installation, wait_until
from tests.person import Person

DESKTOP, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
COLOURS = 256
NAME = "Recycling line"
GUIDELINES = """What lies on the belt is **one** thing: choose what it is made of, not what it held.

- Coated cardboard is *cardboard*; a magazine is *paper*.
- Skip what nobody could tell. Flag what needs a class of its own.
"""
# Answers between two looks at the model, while the project is filled.
BATCH = 10
# In the strip below the image, when the label page is photographed.
BY_HAND = 12
# The model's guess is worth looking at when it is neither sure nor clueless.
LEAST_SURE, MOST_SURE = 0.45, 0.93
TRIES = 30


def main() -> None:
    """Fill a site and photograph it."""
    options = _options()
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name, filled_site(Path(name) / "data", options.folder, options.answers) as filled:
        site, person, project = filled
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium(), args=OPTIONS)
            photograph(site, person, project, browser, options.out)
            browser.close()


@contextmanager
def filled_site(data: Path, folder: Path, answers: int) -> Iterator[tuple[Installation, Person, dict[str, Any]]]:
    """A site with a project in full swing, one that has just begun, and a bundle."""
    site = Installation(data).start()
    try:
        site.wait_until_healthy()
        person = owner_of(site)
        digits = ask(person, "POST", "samples/digits")["project"]
        classes = [{"name": found.name} for found in sorted(folder.iterdir()) if found.is_dir()]
        project = ask(person, "POST", "projects", {"name": NAME, "classes": classes, "guidelines": GUIDELINES})
        said = site.run("import", NAME, str(folder))
        if said.returncode:
            raise RuntimeError(said.stderr)
        project, digits = wait_for_features(person, project), wait_for_features(person, digits)
        answer(person, project, answers, truth)
        answer(person, digits, answers // 4, digit)
        bundle = ask(person, "POST", f"projects/{project['id']}/bundles", {})
        path = f"projects/{project['id']}/bundles/{bundle['id']}"
        wait_until(lambda: ask(person, "GET", path)["state"] in ("ready", "failed"), "the bundle", seconds=900)
        yield site, person, project
    finally:
        site.stop()


def answer(person: Person, project: dict[str, Any], count: int, knows: Callable[[dict[str, Any]], str]) -> None:
    """Label as somebody would who knows the classes, letting the model catch up every few answers."""
    base, client = f"projects/{project['id']}", uuid4().hex
    ids = {row["name"]: row["id"] for row in project["labels"]}
    for number in range(count):
        image = ask(person, "POST", f"{base}/tasks/next", {"client": client, "count": 1})["tasks"][0]["image"]
        kind = "skip" if number % 60 == 59 else "flag" if number % 90 == 45 else "label"
        said = {"id": str(uuid4()), "image": image["id"], "kind": kind, "client": client, "seconds": 1.5}
        ask(person, "POST", f"{base}/annotations", said | ({"label": ids[knows(image)]} if kind == "label" else {}))
        if number % BATCH == BATCH - 1:
            wait_for_model(person, project)


def truth(image: dict[str, Any]) -> str:
    """The class that an image's folder names."""
    return str(image["name"]).split("/")[-2]


def digit(image: dict[str, Any]) -> str:
    """What a sample digit shows: its name carries its number in scikit-learn's set."""
    from sklearn.datasets import load_digits

    return str(load_digits().target[int(image["name"].removesuffix(".png").rpartition("-")[2])])


def photograph(site: Installation, person: Person, project: dict[str, Any], browser: Browser, out: Path) -> None:
    """Every page that the documentation shows."""
    base = f"{site.address}/projects/{project['id']}"
    context = browser.new_context(viewport=DESKTOP, color_scheme="light", reduced_motion="reduce")
    page = context.new_page()
    page.goto(site.link)
    page.wait_for_url(f"{site.address}/")
    shoot(page, site.address + "/", out / "projects.png")
    shoot(page, f"{base}/images", out / "images.png")
    shoot(page, f"{base}/learn", out / "learn.png")
    shoot(page, f"{base}/export", out / "export.png")
    shoot(page, f"{base}/dashboard", out / "dashboard.png")
    keys = {label["name"]: label["key"] for label in ask(person, "GET", f"projects/{project['id']}")["labels"]}
    label_page(page, f"{base}/label", keys, BY_HAND)
    save(page, out / "label.png")
    phone = browser.new_context(
        viewport=PHONE, device_scale_factor=2, is_mobile=True, has_touch=True, color_scheme="light", reduced_motion="reduce",
        storage_state=context.storage_state(),
    )
    page.goto("about:blank")  # gives back what the page held
    small = phone.new_page()
    label_page(small, f"{base}/label", keys, 2)
    save(small, out / "label-phone.png")


def label_page(page: Page, address: str, keys: dict[str, str], answers: int) -> None:
    """Answer some images by their keys, and stop at one with a guess worth seeing."""
    page.goto(address)
    stage = page.locator("div[data-image]")
    for number in range(TRIES):
        stage.locator("img").first.wait_for()
        page.wait_for_load_state("networkidle")
        if number >= answers and worth_seeing(page):
            return
        image, name = stage.get_attribute("data-image"), stage.locator("img").first.get_attribute("alt") or ""
        page.keyboard.press(keys[truth({"name": name})])
        page.wait_for_function(
            "image => { const now = document.querySelector('div[data-image]'); return now && now.dataset.image !== image }",
            arg=image,
        )
        page.wait_for_timeout(700)


def worth_seeing(page: Page) -> bool:
    """Whether the model guesses, and is neither sure nor clueless."""
    bar = page.get_by_role("progressbar", name="Confidence")
    sure = bar.get_attribute("aria-valuenow") if bar.count() else None
    return sure is not None and LEAST_SURE <= float(sure) / (100 if float(sure) > 1 else 1) <= MOST_SURE


def shoot(page: Page, address: str, path: Path) -> None:
    """One page, once everything on it has come."""
    page.goto(address)
    page.get_by_role("heading", level=1).first.wait_for()
    page.wait_for_timeout(2500)
    save(page, path)


def save(page: Page, path: Path) -> None:
    """As a small PNG."""
    page.mouse.move(0, 0)
    with Image.open(io.BytesIO(page.screenshot())) as shot:
        small = shot.convert("RGB").quantize(COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.FLOYDSTEINBERG)
        small.save(path, optimize=True)
    print(f"{path.name}: {path.stat().st_size // 1024} kB")


def chromium() -> str:
    """The path of the browser."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    if found is None:
        raise SystemExit("No Chromium was found: install the package 'chromium', or set CHROMIUM to its path.")
    return found


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, help="one folder of images for each class")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "screenshots")
    parser.add_argument("--answers", type=int, default=260, help="labels to give first (default: %(default)s)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
