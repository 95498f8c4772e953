"""From an empty install to a bundle on the edge, as a newcomer does it: in a real Chromium, with the keyboard alone."""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys
import venv
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.baseline import random_images
from tests.browser.keyboard import press
from tests.browser.small import owner_of
from tests.installation import Installation, wait_until
from tests.person import Person

ANSWERS = 60
# Far more than anything takes on a slow machine: a hang ends the test, slowness does not.
LONG = 900
# By so much the model must beat guessing by the classes' shares, in the same run and on the same images.
MARGIN = 0.25
SCATTER = 0.05


@pytest.mark.browser
@pytest.mark.slow
def test_a_folder_becomes_an_edge_model(
    page: Page, installation: Callable[..., Installation], photos: Path, tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    classes = sorted(folder.name for folder in photos.iterdir() if folder.is_dir())
    truth = {f"{name}/{path.name}": name for name in classes for path in (photos / name).iterdir()}
    site = installation().start()
    site.wait_until_healthy()

    # Sign in with the printed link, and make a project.
    page.goto(site.link)
    press(page, "button", "Create your first project")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name", exact=True).focus()
    page.keyboard.type("Sorting")
    dialog.get_by_role("textbox", name="Classes").focus()
    for name in classes:
        page.keyboard.type(name)
        page.keyboard.press("Enter")
    press(page, "button", "Create project")

    # The folder goes in. Folder names stay names: the labels are given by hand below.
    with page.expect_file_chooser() as chooser:
        press(page, "button", "Choose a folder")
    chooser.value.set_files(photos)
    press(page, "button", "Upload")
    expect(page.get_by_role("status").filter(has_text="Uploaded")).to_be_visible(timeout=LONG * 1000)
    project = int(page.url.split("/projects/")[1].split("/")[0])
    owner = owner_of(site)

    def state() -> dict[str, int]:
        return dict(owner.get(f"projects/{project}")[1]["progress"])

    assert state()["images"] >= 0.95 * len(truth)
    wait_until(lambda: state()["featured"] == state()["images"], "all features", seconds=LONG)

    # Sixty answers, one key each, as the folders' names say.
    press(page, "link", "Label")
    keys = {label["name"]: label["key"] for label in owner.get(f"projects/{project}")[1]["labels"]}
    stage, seen = page.locator("div[data-image]"), set()
    for _ in range(ANSWERS):
        expect(stage.locator("img")).to_be_visible()
        image, name = stage.get_attribute("data-image"), stage.locator("img").get_attribute("alt") or ""
        assert image not in seen
        seen.add(image)
        page.keyboard.press(keys[truth["/".join(name.split("/")[-2:])]])
        expect(stage).not_to_have_attribute("data-image", image or "")
    wait_until(lambda: state()["labelled"] == ANSWERS, "the last answer to be saved")
    swaps = sorted(page.evaluate("performance.getEntriesByName('swap').map(entry => entry.duration)"))

    # The model has learnt from each of them; nothing is left to learn from.
    def learnt() -> bool:
        model = owner.get(f"projects/{project}/learning")[1]["model"]
        return bool(model) and model["labels"] + model["audit_count"] == ANSWERS

    wait_until(learnt, "the model to have seen every answer")
    taught = owner.get(f"projects/{project}/learning")[1]["model"]["labels"]

    # Export: a button, a table, a zip.
    press(page, "link", "Export")
    press(page, "button", "Export to edge")
    link = page.get_by_role("link", name=re.compile("^Download")).first
    expect(link).to_be_visible(timeout=LONG * 1000)
    for precision in ("FP32", "FP16", "INT8"):
        expect(page.get_by_role("row").filter(has_text=precision).first).to_be_visible()
    with page.expect_download() as download:
        link.focus()
        link.press("Enter")
    archive = tmp_path / download.value.suggested_filename
    download.value.save_as(archive)
    bundle = tmp_path / "bundle"
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(bundle)
    page.screenshot(path=tmp_path / "export.png", full_page=True)

    # On the device: a fresh environment with the bundle's requirements and nothing else.
    python = _fresh_environment(tmp_path / "device", bundle / "requirements.txt")
    expected = json.loads((bundle / "expected.json").read_text())
    for precision in ("FP32", "FP16", "INT8"):
        (line,) = _run(python, bundle, bundle / "sample.jpg", precision=precision)
        server, told = expected[precision][0], expected["torch"][0]
        assert line["label"] == server["label"]
        assert line["confidence"] == pytest.approx(server["confidence"], abs=0.01)
        if precision == "FP32":
            assert line["label"] == told["label"]
            assert line["confidence"] == pytest.approx(told["confidence"], abs=0.001)

    # Judged on every audit image, whose classes the folders know, against guessing by the classes' shares.
    audit = _audit_names(owner, project)
    held_out = {str(photos / name): truth[name] for name in audit}
    answers = {line["source"]: line["label"] for line in _run(python, bundle, *map(Path, held_out))}
    right = sum(answers[source] == label for source, label in held_out.items()) / len(held_out)
    drawn = random.Random(0).choices(list(truth.values()), k=len(held_out))  # noqa: S311 no secret is made of it
    chance = sum(guess == label for guess, label in zip(drawn, held_out.values(), strict=True)) / len(held_out)
    by_file = {photos / name: label for name, label in truth.items()}
    at_random = random_images(site.data / "features", by_file, set(map(Path, held_out)), taught)
    summary = {
        "answers": ANSWERS, "taught": taught, "audit images": len(held_out), "accuracy": round(right, 3),
        "random images, same head": round(at_random, 3), "guessing by the classes' shares": round(chance, 3),
        "swap ms p50": round(swaps[len(swaps) // 2], 1), "swap ms p95": round(swaps[int(len(swaps) * 0.95)], 1),
    }
    for name, value in summary.items():
        record_property(name, value)
    assert right > chance + MARGIN
    # Usually well above; one run of sixty answers scatters by some points.
    assert right > at_random - SCATTER


def _fresh_environment(place: Path, requirements: Path) -> Path:
    venv.create(place)
    python = place / "bin" / "python"
    # Our own pip fills it: to unpack another takes longer than the packages do.
    words = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--requirement", requirements]
    subprocess.run(words, check=True)
    return python


def _run(python: Path, bundle: Path, *sources: Path, precision: str | None = None) -> list[dict[str, Any]]:
    """`run.py` over the sources, in the recommended precision unless one is named: one JSON object a line."""
    options = ["--device", "CPU", *(["--precision", precision] if precision else [])]
    done = subprocess.run(
        [python, "run.py", *options, *sources], cwd=bundle, env={}, check=True, capture_output=True, text=True
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def _audit_names(person: Person, project: int) -> list[str]:
    """Names of the images that the judge keeps, as `class/file`."""
    names: list[str] = []
    after: int | None = 0
    while after is not None:
        page = person.get(f"projects/{project}/images?state=audit&limit=200&cursor={after}")[1]
        names += ["/".join(row["name"].split("/")[-2:]) for row in page["results"]]
        after = page["next"]
    return names
