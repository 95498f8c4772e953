"""A whole installation: images in, features by the bulk worker, a ranking, labels, a model; and workers that are killed."""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.installation import Installation, wait_until
from tests.pipeline.script import Script

pytestmark = pytest.mark.slow

EACH = 100


def import_photos(script: Script, photos: Path, *, each: int) -> tuple[dict[str, Any], dict[int, str]]:
    """A project of two folders of photos; the folder of each image."""
    folders = sorted(path for path in photos.iterdir() if path.is_dir())[:2]
    names = [folder.name for folder in folders]
    project = script.post("projects", {"name": "Loop", "classes": [{"name": name} for name in names]})
    truth: dict[int, str] = {}
    for folder in folders:
        paths = sorted(folder.iterdir())[:each]
        batch = script.post(f"projects/{project['id']}/imports", {"source": "api", "expected": len(paths)})
        for start in range(0, len(paths), 50):
            answer = script.upload(project["id"], batch["id"], paths[start : start + 50])
            truth |= {row["image"]: folder.name for row in answer["results"] if row["status"] == "stored"}
        script.post(f"projects/{project['id']}/imports/{batch['id']}/close")
    return script.get(f"projects/{project['id']}"), truth


def progress(script: Script, project: int) -> dict[str, int]:
    found: dict[str, int] = script.get(f"projects/{project}")["progress"]
    return found


@pytest.fixture
def site(installation: Callable[..., Installation]) -> Installation:
    """Up, with a worker for every queue."""
    up = installation(prepared=True).start()
    up.wait_until_healthy()
    return up


def test_labels_become_a_model_by_themselves(site: Installation, photos: Path) -> None:
    script = Script(site)
    project, truth = import_photos(script, photos, each=25)
    number = project["id"]
    labels = {label["name"]: label["id"] for label in project["labels"]}
    wait_until(lambda: progress(script, number)["featured"] == len(truth), "features")
    wait_until(lambda: script.get(f"projects/{number}/learning")["queue_depth"] > 0, "a first ranking")

    for turn in range(4):
        answer = script.post(f"projects/{number}/tasks/next", {"client": "script", "count": 5, "exclude": []})
        for task in answer["tasks"]:
            script.label(number, task["image"]["id"], labels[truth[task["image"]["id"]]])
        learnt = progress(script, number)["labelled"] - progress(script, number)["audit_labelled"]

        def caught_up(learnt: int = learnt) -> bool:
            model = script.get(f"projects/{number}/learning")["model"]
            return bool(model) and model["labels"] == learnt

        wait_until(caught_up, f"the model of turn {turn}")

    found = script.get(f"projects/{number}/learning")
    assert found["model"]["state"] == "serving"
    assert [entry["name"] for entry in found["model"]["classes"]] == list(labels)
    jobs = script.get(f"projects/{number}/jobs")
    assert {(job["kind"], job["state"]) for job in jobs} == {("features", "done")}


def test_a_bulk_worker_killed_half_way_resumes_by_itself(site: Installation, photos: Path) -> None:
    script = Script(site)
    project, truth = import_photos(script, photos, each=EACH)
    number = project["id"]
    half_way = wait_until(
        lambda: (done := progress(script, number)["featured"]) and done < len(truth) and done, "the first batch"
    )
    worker = read(site, "SELECT worker FROM jobs_job WHERE kind = 'features' AND state = 'running'").rpartition(":")[2]
    os.kill(int(worker), signal.SIGKILL)

    wait_until(lambda: progress(script, number)["featured"] == len(truth), "all features")

    assert half_way < len(truth)
    attempts = int(read(site, "SELECT max(attempts) FROM jobs_job WHERE kind = 'features'"))
    assert attempts == 2
    [keys] = (site.data / "features").glob("*/keys.sha256")
    assert keys.stat().st_size == 32 * len(truth)


def test_a_learn_worker_killed_between_labels_loses_none(site: Installation, photos: Path) -> None:
    script = Script(site)
    project, truth = import_photos(script, photos, each=15)
    number = project["id"]
    labels = {label["name"]: label["id"] for label in project["labels"]}
    wait_until(lambda: progress(script, number)["featured"] == len(truth), "features")
    site.find("worker", "learn").send_signal(signal.SIGKILL)
    for image, name in list(truth.items())[:10]:
        script.label(number, image, labels[name])

    counts = progress(script, number)
    learnt = counts["labelled"] - counts["audit_labelled"]
    assert counts["labelled"] == 10
    wait_until(
        lambda: (model := script.get(f"projects/{number}/learning")["model"]) and model["labels"] == learnt,
        "the model of all ten",
    )


def read(site: Installation, query: str) -> str:
    """One value from the database of the installation."""
    database = sqlite3.connect(f"file:{site.data / 'db.sqlite3'}?mode=ro", uri=True)
    try:
        [value] = database.execute(query).fetchone()
    finally:
        database.close()
    return str(value)
