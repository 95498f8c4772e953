"""Photographs the real pages for the documentation: a site of its own, real images, a headless Chromium.

    python -m docs.make_screenshots FOLDER [--out docs/screenshots] [--answers 330] [--data DIR]

FOLDER has one folder of images for each class. They are imported under numbered names, in no order, as a camera would have
left them; the folders give the answers, so the numbers on the pages are what a person who knows the classes would see. With
--data the site is kept, and its pages can be photographed again without filling it. The pictures are PNG with few colours,
so that the repository stays small.
"""

from __future__ import annotations

import argparse
import io
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen
from uuid import uuid4

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.site import ask, owner_of, running, wait_for_features, wait_for_model
from mlcore.edge.agent.enrol import enrol
from mlcore.edge.agent.home import Home
from tests.browser.window import OPTIONS
from tests.installation import Installation, wait_until
from tests.person import Person
from tests.servers import free_port

DESKTOP, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
# So many colours are kept exactly; all others are rounded to the first of the steps that makes the file smaller than this.
EXACT, STEPS, LARGE = 400, (4, 12), 300_000
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
LEAST_SURE, MOST_SURE = 45, 93
TRIES = 40
# Names and groups; how long each is asked, so that a minute of it has come home, and with how many photos.
DEVICES = (("Belt 1", "Belts"), ("Belt 2", "Belts"), ("Lobby", "Halls"))
ANSWERED_SECONDS, ASKED = 150.0, 60
AGENT = (sys.executable, "-m", "mlcore.edge.command", "agent")
# Milliseconds until pictures, charts and news have come.
SETTLED = 1500
SUFFIXES = {".jpg", ".jpeg", ".png"}


def main() -> None:
    """Fill a site and photograph it."""
    options = _options()
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        numbered = as_from_a_camera(options.folder, Path(scratch) / "belt 3")
        with running(options.data or Path(scratch) / "data") as site, sync_playwright() as playwright:
            person = owner_of(site)
            mine = [one for one in ask(person, "GET", "projects") if one["name"] == NAME]
            project = mine[0] if mine else fill(site, person, numbered, options.answers)
            browser = playwright.chromium.launch(executable_path=chromium(), args=OPTIONS)
            with devices_of(person, project, numbered, Path(scratch) / "devices"):
                photograph(Photographer(site, person, browser, options.out), project, numbered)
            browser.close()


@dataclass(frozen=True)
class Numbered:
    """Photos under numbered names, and the class of each name."""

    folder: Path
    truth: dict[str, str]

    @property
    def classes(self) -> list[str]:
        return sorted(set(self.truth.values()))


def as_from_a_camera(photos: Path, folder: Path) -> Numbered:
    """Links to the photos, mixed, always in the same way."""
    folder.mkdir()
    found = sorted(path for path in photos.glob("*/*") if path.suffix.lower() in SUFFIXES)
    random.Random(0).shuffle(found)  # noqa: S311  an order, not a secret
    truth = {}
    for number, path in enumerate(found):
        name = f"IMG_{number:04}{path.suffix.lower()}"
        (folder / name).symlink_to(path.resolve())
        truth[name] = path.parent.name
    return Numbered(folder, truth)


def fill(site: Installation, person: Person, photos: Numbered, answers: int) -> dict[str, Any]:
    """A project in full swing, one that has just begun, and a bundle."""
    digits = ask(person, "POST", "samples/digits")["project"]
    classes = [{"name": name} for name in photos.classes]
    project = ask(person, "POST", "projects", {"name": NAME, "classes": classes, "guidelines": GUIDELINES})
    said = site.run("import", NAME, str(photos.folder))
    if said.returncode:
        raise RuntimeError(said.stderr)
    project, digits = wait_for_features(person, project), wait_for_features(person, digits)
    answer(person, project, answers, photos.truth.__getitem__)
    answer(person, digits, answers // 4, digit)
    bundle = ask(person, "POST", f"projects/{project['id']}/bundles", {})
    path = f"projects/{project['id']}/bundles/{bundle['id']}"
    wait_until(lambda: ask(person, "GET", path)["state"] in ("ready", "failed"), "the bundle", seconds=900)
    return project


@contextmanager
def devices_of(person: Person, project: dict[str, Any], photos: Numbered, folder: Path) -> Iterator[None]:
    """Devices on this very machine run the project's newest bundle, and have answered for a minute and a bit."""
    base, agents, asked = f"projects/{project['id']}", [], 0
    for row in ask(person, "GET", f"{base}/devices")["devices"]:
        person.delete(f"{base}/devices/{row['id']}")
    for name, group in DEVICES:
        code = ask(person, "POST", f"{base}/devices/codes", {"name": name, "group": group})["code"]
        enrol(home=Home(folder / name), url=person.address, code=code, authority="", workspace_key="")
        words = [*AGENT, "--home", str(folder / name), "--port", str(port := free_port()), "--no-stdout"]
        agents.append((subprocess.Popen(words), port))
    try:
        bundle = next(one for one in ask(person, "GET", f"{base}/bundles") if one["state"] == "ready")
        ask(person, "POST", f"{base}/deployments", {"bundle": bundle["id"], "target": "all"})
        wait_until(lambda: _run(person, base, bundle["number"]), "the devices", seconds=300)
        end = time.monotonic() + ANSWERED_SECONDS
        pictures = [path.read_bytes() for path in sorted(photos.folder.iterdir())[:ASKED]]
        while time.monotonic() < end:
            for _, port in agents:
                urlopen(f"http://127.0.0.1:{port}/predict", pictures[asked % len(pictures)], timeout=60).close()
            asked += 1
        yield
    finally:
        for agent, _ in agents:
            agent.terminate()
            agent.wait()


def _run(person: Person, base: str, number: int) -> bool:
    rows = [row for row in ask(person, "GET", f"{base}/devices")["devices"] if row["state"] != "revoked"]
    return all(row["running"] and row["running"]["number"] == number for row in rows)


def answer(person: Person, project: dict[str, Any], count: int, knows: Callable[[str], str]) -> None:
    """Label as somebody would who knows the class of a name, letting the model catch up every few answers."""
    base, client = f"projects/{project['id']}", uuid4().hex
    ids = {row["name"]: row["id"] for row in project["labels"]}
    for number in range(count):
        image = ask(person, "POST", f"{base}/tasks/next", {"client": client, "count": 1})["tasks"][0]["image"]
        kind = "skip" if number % 60 == 59 else "flag" if number % 90 == 45 else "label"
        said = {"id": str(uuid4()), "image": image["id"], "kind": kind, "client": client, "seconds": 1.5}
        ask(person, "POST", f"{base}/annotations", said | ({"label": ids[knows(image["name"])]} if kind == "label" else {}))
        if number % BATCH == BATCH - 1:
            wait_for_model(person, project)


def digit(name: str) -> str:
    """What a sample digit shows: its name carries its number in scikit-learn's set."""
    from sklearn.datasets import load_digits

    return str(load_digits().target[int(name.removesuffix(".png").rpartition("-")[2])])


@dataclass(frozen=True)
class Photographer:
    """Who goes through the pages, and where the pictures go."""

    site: Installation
    person: Person
    browser: Browser
    out: Path

    def page(self, **options: Any) -> Page:
        """A window that is signed in."""
        context = self.browser.new_context(color_scheme="light", reduced_motion="reduce", **options)
        page = context.new_page()
        link = self.site.run("login-link", "--address", self.site.address).stdout.strip()
        page.goto(link)
        page.wait_for_url(f"{self.site.address}/")
        return page

    def shoot(self, page: Page, path: str, name: str) -> None:
        """One page, once everything on it has come."""
        page.goto(self.site.address + path)
        page.get_by_role("heading", level=1).first.wait_for()
        page.wait_for_timeout(SETTLED)
        self.save(page, name)

    def save(self, page: Page, name: str) -> None:
        """What the window shows, as a small PNG."""
        page.mouse.move(0, 0)
        path = self.out / f"{name}.png"
        with Image.open(io.BytesIO(page.screenshot())) as shot:
            for step in STEPS:
                coarse(shot.convert("RGB"), step).save(path, optimize=True)
                if path.stat().st_size < LARGE:
                    break
        print(f"{path.name}: {path.stat().st_size // 1024} kB")


def photograph(by: Photographer, project: dict[str, Any], photos: Numbered) -> None:
    """Every page that the documentation shows."""
    base = f"/projects/{project['id']}"
    page = by.page(viewport=DESKTOP)
    new_project(page, photos.classes)
    by.save(page, "new-project")
    by.shoot(page, f"{base}/images?state=labelled", "images")
    by.shoot(page, f"{base}/learn", "learn")
    by.shoot(page, f"{base}/export", "export")
    by.shoot(page, f"{base}/devices", "devices")
    by.shoot(page, "/fleet", "fleet")
    by.shoot(page, f"{base}/dashboard", "dashboard")
    label(page, f"{by.site.address}{base}/label", project, photos, BY_HAND)
    by.save(page, "label")
    page.goto("about:blank")  # gives back what the page held
    phone = by.page(viewport=PHONE, device_scale_factor=2, is_mobile=True, has_touch=True)
    label(phone, f"{by.site.address}{base}/label", project, photos, 1)
    by.save(phone, "label-phone")


def new_project(page: Page, classes: list[str]) -> None:
    """The dialog, filled in."""
    page.get_by_role("button", name="New project").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name", exact=True).fill(NAME)
    for name in classes:
        dialog.get_by_role("textbox", name="Classes").fill(name)
        page.keyboard.press("Enter")
    page.wait_for_timeout(SETTLED)


def label(page: Page, address: str, project: dict[str, Any], photos: Numbered, answers: int) -> None:
    """Answer some images by their keys, and stop at one with a guess worth seeing."""
    keys = {row["name"]: row["key"] for row in project["labels"]}
    page.goto(address)
    stage = page.locator("div[data-image]")
    for number in range(TRIES):
        stage.locator("img").first.wait_for()
        page.wait_for_timeout(SETTLED)
        if number >= answers and worth_seeing(page):
            return
        image, name = stage.get_attribute("data-image"), stage.locator("img").first.get_attribute("alt") or ""
        page.keyboard.press(keys[photos.truth[name.rpartition("/")[2]]])
        moved_on = "last => document.querySelector('div[data-image]')?.dataset.image !== last"
        page.wait_for_function(moved_on, arg=image)


def worth_seeing(page: Page) -> bool:
    """Whether the model guesses, and is neither sure nor clueless."""
    bar = page.get_by_role("progressbar", name="Confidence")
    percent = bar.get_attribute("aria-valuenow") if bar.count() else None
    return percent is not None and LEAST_SURE <= int(percent) <= MOST_SURE


def coarse(shot: Image.Image, step: int) -> Image.Image:
    """Colours that fill the page stay as they are, the rest are rounded: photos then take fewer bytes and look alike."""
    pixels = np.asarray(shot).astype(np.int32)
    counted = sorted(shot.getcolors(shot.width * shot.height) or [], reverse=True)
    exact = [red << 16 | green << 8 | blue for _, (red, green, blue) in counted[:EXACT]]
    kept = np.isin(pixels @ [1 << 16, 1 << 8, 1], exact)
    rounded = np.clip(np.round(pixels / step) * step, 0, 255)
    return Image.fromarray(np.where(kept[..., None], pixels, rounded).astype(np.uint8))


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
    parser.add_argument("--answers", type=int, default=330, help="labels to give first (default: %(default)s)")
    parser.add_argument("--data", type=Path, help="keep the site there, and use it again")
    return parser.parse_args()


if __name__ == "__main__":
    main()
