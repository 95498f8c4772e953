"""What choosing saves is measured on the project's own labels, or not claimed at all."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from django.test import Client

from annotator.cli import main
from annotator.jobs.models import Job
from annotator.jobs.progress import claim, running
from annotator.learning import replay, replay_run
from annotator.learning.models import Replay
from annotator.learning.replay import LEAST_LABELS, LEAST_OF_CLASS, missing, saving, start_replay, summary
from annotator.projects.errors import Conflict, NotReady
from annotator.projects.setup import archive_label
from tests.learning.world import World


@pytest.fixture
def labelled(world: World) -> World:
    """Seventy labels, ten of them the judge's."""
    world.say_some(60)
    for image in world.audit()[:10]:
        world.say(image)
    return world


@pytest.fixture
def browser(world: World) -> Client:
    """Olga's."""
    client = Client()
    client.force_login(world.owner)
    return client


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two repeats of few labels show the same as five of many."""
    monkeypatch.setattr(replay_run, "SEEDS", 2)
    monkeypatch.setattr(replay_run, "MOST_LABELS", 15)


def measure(world: World) -> Job:
    """What a worker does with the job."""
    job = claim(str(start_replay(project=world.project, user=world.owner).pk))
    assert job is not None
    with running(job) as run:
        replay_run.replay_project(run)
    job.refresh_from_db()
    return job


def told(world: World) -> dict[str, Any]:
    found = summary(world.project)
    assert found is not None
    return found


def test_nothing_is_shown_before_it_was_measured(labelled: World, browser: Client) -> None:
    page = browser.get(f"/api/projects/{labelled.project.pk}/learning").json()

    assert page["simulated"] is None and page["replay_needs"] == ""


def test_with_few_labels_it_says_how_many_are_missing(world: World, browser: Client) -> None:
    world.say_some(LEAST_LABELS - 3)

    page = browser.get(f"/api/projects/{world.project.pk}/learning").json()
    answer = browser.post(f"/api/projects/{world.project.pk}/replay", content_type="application/json")

    assert page["replay_needs"].endswith("label 3 more.")
    assert answer.status_code == 409 and answer.json()["error"]["message"] == page["replay_needs"]
    assert not Job.objects.exists()


def test_one_class_is_not_enough(world: World) -> None:
    for image in [image for image in world.pool() if world.truth[image.pk] == world.labels[0]]:
        world.say(image)

    with pytest.raises(NotReady, match=f"at least {LEAST_OF_CLASS} labelled images of each of two classes"):
        start_replay(project=world.project, user=world.owner)


def test_both_ways_are_measured_on_the_images_that_carry_a_label(labelled: World, browser: Client) -> None:
    answer = browser.post(f"/api/projects/{labelled.project.pk}/replay", content_type="application/json")
    assert answer.status_code == 202 and answer.json()["kind"] == "replay"
    job = claim(answer.json()["id"])
    assert job is not None
    with running(job) as run:
        replay_run.replay_project(run)

    found = browser.get(f"/api/projects/{labelled.project.pk}/learning").json()["simulated"]

    assert (found["labels"], found["images"], found["stale"]) == (70, 70, False)
    assert found["pool_images"] + found["test_images"] == 70
    assert [curve["strategy"] for curve in found["curves"]] == ["auto", "random"]
    for curve in found["curves"]:
        assert curve["labels"] == [5, 10, 15]
        assert all(0 <= mean <= 1 for mean in curve["mean"]) and len(curve["std"]) == 3
    assert found["text"].endswith(".")


def test_it_says_how_many_images_had_been_chosen_by_a_strategy(labelled: World) -> None:
    from annotator.labelling.models import Annotation

    measure(labelled)
    assert told(labelled)["chosen"] == 60

    Annotation.objects.update(source=Annotation.Source.IMPORT)
    measure(labelled)
    assert told(labelled)["chosen"] == 0


def test_classes_of_a_few_images_are_left_out(labelled: World) -> None:
    rare = labelled.add_class("jug")
    for image in labelled.say_some(LEAST_OF_CLASS - 1):
        labelled.say(image, rare)

    known = replay_run.labelled(labelled.project)

    assert known.classes == ("cup", "glass", "plate")
    assert len(known.truth) == 70 and known.labels == 70 + LEAST_OF_CLASS - 1
    np.testing.assert_array_equal(np.unique(known.truth), [0, 1, 2])


def test_a_class_that_was_archived_takes_no_part(labelled: World) -> None:
    archive_label(label=labelled.labels[1], user=labelled.owner)

    assert missing(labelled.project).startswith(f"Measuring needs {LEAST_LABELS} labelled images")


def test_many_more_labels_or_another_head_make_it_stale(labelled: World) -> None:
    measure(labelled)
    assert not told(labelled)["stale"]

    labelled.project.head = "logistic"
    assert told(labelled)["stale"]
    labelled.project.head = "blend"
    labelled.say_some(20)

    found = told(labelled)
    assert found["stale"] and (found["labels"], found["labels_now"]) == (70, 90)


def test_measuring_again_replaces_what_was_measured(labelled: World) -> None:
    measure(labelled)
    labelled.say_some(2)
    measure(labelled)

    assert Replay.objects.get().labels == 72


def test_one_is_measured_at_a_time(labelled: World) -> None:
    start_replay(project=labelled.project, user=labelled.owner)

    with pytest.raises(Conflict):
        start_replay(project=labelled.project, user=labelled.owner)


def test_a_cancelled_one_leaves_nothing_behind(labelled: World) -> None:
    job = claim(str(start_replay(project=labelled.project, user=labelled.owner).pk))
    assert job is not None
    Job.objects.filter(pk=job.pk).update(cancel_requested=True)
    with running(job) as run:
        replay_run.replay_project(run)

    job.refresh_from_db()
    assert job.state == Job.State.CANCELLED
    assert not Replay.objects.exists()


def test_a_project_that_chooses_at_random_is_held_against_the_default(labelled: World) -> None:
    labelled.project.strategy = "random"

    assert replay.contestants(labelled.project) == ("auto", "random")


@pytest.mark.parametrize(("images", "steps"), [(60, (5, 35)), (70, (5, 40)), (170, (10, 100)), (5000, (10, 300))])
def test_steps_are_small_where_images_are_few(images: int, steps: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay_run, "MOST_LABELS", 300)

    assert replay_run.plan(images) == steps


@pytest.mark.parametrize(
    ("ours", "chance", "words"),
    [
        (80.0, 160.0, "choosing saves 50 % of the labels."),
        (160.0, 160.0, "here choosing saves nothing."),
        (80.0, None, "chosen at random, 200 were not."),
        (None, 80.0, "chosen by the model, 200 were not."),
        (None, None, "so nothing can be said of savings yet."),
    ],
)
def test_the_saving_is_said_in_a_sentence(ours: float | None, chance: float | None, words: str) -> None:
    curves = [{"labels": [100, 200], "needed": needed} for needed in (ours, chance)]

    assert saving(*curves, {"pool_images": 1400}).endswith(words)


def test_the_command_measures_the_labels_of_a_project(
    labelled: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("start_django", "open_database"):
        monkeypatch.setattr(f"annotator.cli.simulate.{name}", lambda *_: None)
    words = ["simulate", "--project", "Cups", "--strategy", "random", "--labels", "10", "--seeds", "1", "--json"]

    assert main(words) == 0

    report = json.loads(capsys.readouterr().out)
    assert (report["folder"], report["images"], report["features"]) == ("Cups", 70, labelled.fingerprint)
    assert set(report["classes"]) == {"cup", "glass", "plate"}


@pytest.mark.parametrize("words", [[], ["somewhere", "--project", "Cups"]])
def test_the_command_takes_a_folder_or_a_project(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", *words]) == 2
    assert "Give either a FOLDER or --project." in capsys.readouterr().err
