"""From a click to the edge and back: three devices in environments of their own, over TLS, and a real Chromium."""

from __future__ import annotations

import io
import shutil
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.edge_device import EdgeDevice
from tests.browser.small import owner_of
from tests.installation import Installation, wait_until
from tests.person import Person
from tests.servers import free_port

pytestmark = [pytest.mark.browser, pytest.mark.slow]

LONG = 600
# The difference of the two likeliest classes below which a device keeps a picture.
TORN = 0.2
NAMES = ("Lobby", "Gate", "Attic")
# Of so many classes so many photos are labelled in the beginning, and so many are kept for the devices to see.
CLASSES, TAUGHT, SEEN = 3, 14, 5
# Pictures between two classes, and how often the middle between them is looked for.
PAIRS, STEPS = 5, 10


@pytest.fixture
def devices(tmp_path: Path) -> Iterator[list[EdgeDevice]]:
    """Three machines without anything on them."""
    made = [EdgeDevice(tmp_path / name.lower(), name) for name in NAMES]
    yield made
    for one in made:
        one.stop()


def test_three_devices_from_a_click_and_back(
    page: Page, installation: Callable[..., Installation], devices: list[EdgeDevice], photos: Path, tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    site = installation(prepared=True).start("--devices", f"127.0.0.1:{free_port()}")
    site.wait_until_healthy()
    taught, seen = _pictures(photos, tmp_path / "taught")
    known = [path.read_bytes() for paths in seen for path in paths]
    done = site.run("import", "Sorting", str(taught), "--labels", "folder")
    assert done.returncode == 0, done.stdout + done.stderr
    page.goto(site.link)
    expect(page.get_by_role("link", name="Sorting")).to_be_visible()
    owner = owner_of(site)
    project = int(owner.get("projects")[1][0]["id"])
    place = f"{site.address}/projects/{project}"
    first_model = _model_after(owner, project, 0)

    # Three devices come in, each by the line that its page shows.
    for number, device in enumerate(devices):
        if number:
            device.borrow_environment(devices[0])
        _add(page, place, device)
        assert device.imports_of_a_server() == []
        device.start()
    megabytes = devices[0].megabytes_on_disk()

    # What they find hard may be sent home.
    for row in owner.get(f"projects/{project}/devices")[1]["devices"]:
        status, _ = owner.patch(f"projects/{project}/devices/{row['id']}", {"privacy": "images"})
        assert status == 200

    # A model leaves with a click, and all three run it.
    _export(page, place, 1)
    began = time.perf_counter()
    _deploy(page)
    _see_all_run(page, place, 1)
    first_seconds = time.perf_counter() - began
    for device in devices:
        assert device.answer(known[0])["label"]
        device.be_asked(known)
    memory = [device.megabytes_of_memory() for device in devices]

    # One of them sees pictures between two classes: it sends home what it is torn about.
    for first, second in islice(zip(seen[0], seen[1], strict=True), PAIRS):
        _show_what_lies_between(devices[0], first, second)
    sent = wait_until(lambda: _row(owner, project, "Lobby")["sightings"], "a sighting", seconds=LONG)

    # It enters the queue, marked with its device; somebody answers.
    page.goto(f"{place}/label")
    stage, labelled = page.locator("div[data-image]"), 0
    expect(page.locator("[data-device]")).to_contain_text("Lobby")
    while page.locator("[data-device]").count() and labelled < 4:
        expect(stage.locator("img")).to_be_visible()
        image = stage.get_attribute("data-image") or ""
        page.keyboard.press("2")
        expect(stage).not_to_have_attribute("data-image", image)
        labelled += 1
    assert labelled

    # The model has learnt from it, and the next one leaves as the first did.
    second_model = _model_after(owner, project, first_model["labels"] + first_model["audit_count"] + labelled - 1)
    _export(page, place, 2)
    _deploy(page)
    _see_all_run(page, place, 2)

    # One click goes back.
    page.goto(f"{place}/devices")
    page.get_by_role("button").filter(has_text="v2 to").first.click()
    page.get_by_role("dialog").get_by_role("button", name="Roll back").click()
    page.get_by_role("dialog", name="Roll back v2?").get_by_role("button", name="Roll back").click()
    _see_all_run(page, place, 1)

    for device in devices:
        assert device.failures == [] and device.answered > 0
    record_property("devices", len(devices))
    record_property("MB of packages on a device", megabytes)
    record_property("MB of an agent (PSS)", memory)
    record_property("s from the click until all run it", round(first_seconds, 1))
    record_property("images sent home", sent)
    record_property("answered by a person", labelled)
    record_property("model before and after", f"{first_model['number']} and {second_model['number']}")
    record_property("answers of the devices meanwhile, none failed", sum(device.answered for device in devices))


def _pictures(photos: Path, folder: Path) -> tuple[Path, list[list[Path]]]:
    """A labelled folder, and for each class some photos that are not in it."""
    seen = []
    for place in sorted(one for one in photos.iterdir() if one.is_dir())[:CLASSES]:
        files = sorted(place.iterdir())
        (folder / place.name).mkdir(parents=True)
        for path in files[:TAUGHT]:
            shutil.copy(path, folder / place.name)
        seen.append(files[TAUGHT : TAUGHT + SEEN])
    return folder, seen


def _show_what_lies_between(device: EdgeDevice, first: Path, second: Path) -> None:
    """Pictures that go from one photo to another, ever closer to where the device changes its mind."""
    start, end = (Image.open(path).convert("RGB").resize((224, 224)) for path in (first, second))
    low, high = 0.0, 1.0
    for _ in range(STEPS):
        middle = (low + high) / 2
        buffer = io.BytesIO()
        Image.blend(start, end, middle).save(buffer, "JPEG", quality=95)
        best, other = device.answer(buffer.getvalue())["top"][:2]
        if best["confidence"] - other["confidence"] < TORN:
            return
        low, high = (middle, high) if best["label"] == first.parent.name else (low, middle)


def _model_after(owner: Person, project: int, seen: int) -> dict[str, Any]:
    """The model that serves, once it has seen more labels than so many and nothing waits."""

    def learnt() -> dict[str, Any] | None:
        model = owner.get(f"projects/{project}/learning")[1]["model"]
        return model if model and model["labels"] + model["audit_count"] > seen else None

    return dict(wait_until(learnt, f"a model of more than {seen} labels", seconds=LONG))


def _row(owner: Person, project: int, name: str) -> dict[str, Any]:
    rows = owner.get(f"projects/{project}/devices")[1]["devices"]
    return dict(next(row for row in rows if row["name"] == name))


def _add(page: Page, place: str, device: EdgeDevice) -> None:
    """The Devices page shows a line; what it does there is awaited on the page."""
    page.goto(f"{place}/devices")
    page.get_by_role("button", name="Add device").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill(device.name)
    dialog.get_by_role("button", name="Show the line").click()
    line = dialog.locator("[data-line]").inner_text()
    assert line.startswith("curl ") and "--pinnedpubkey" in line
    device.paste(line)
    expect(dialog).to_contain_text(f"{device.name} is here", timeout=LONG * 1000)


def _export(page: Page, place: str, number: int) -> None:
    """The button of the Export page, until the bundle of this number is there."""
    page.goto(f"{place}/export")
    page.get_by_role("button", name="Export to edge").click()
    expect(page.get_by_text(f"Bundle {number}", exact=True).first).to_be_visible(timeout=LONG * 1000)
    expect(page.get_by_role("button", name="Deploy").first).to_be_visible(timeout=LONG * 1000)


def _deploy(page: Page) -> None:
    """To all devices."""
    page.get_by_role("button", name="Deploy").first.click()
    page.get_by_role("dialog").get_by_role("button", name="Deploy").click()


def _see_all_run(page: Page, place: str, number: int) -> None:
    """The Devices page shows it, without being asked again."""
    page.goto(f"{place}/devices")
    expect(page.locator(f"a[data-device][data-state=running][data-running='{number}']")).to_have_count(
        len(NAMES), timeout=LONG * 1000
    )
