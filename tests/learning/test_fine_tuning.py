"""Fine-tuning as people meet it: asked for, trained beside their work, refused where it cannot help, and then judged."""

from __future__ import annotations

import shutil
from collections import namedtuple
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from annotator.images import files
from annotator.images.models import Image
from annotator.jobs import progress
from annotator.jobs.models import Job
from annotator.jobs.progress import cancel_job, claim, running
from annotator.learning import challenge, finetune, trainer
from annotator.learning.finetune import request_finetune, work_folder
from annotator.learning.finetune_run import bring_back, finetune_now, finetune_project, prepare
from annotator.projects.errors import Conflict, DomainError, Invalid, NoSpace, NotReady
from annotator.projects.models import Membership, User
from mlcore.finetune.task import RESULT, Task, write_json
from tests.learning.world import World


@pytest.fixture(autouse=True)
def no_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens to what is sent."""
    monkeypatch.setattr(progress, "send", lambda job: True)


@pytest.fixture
def labelled(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """A hundred and twenty labels to learn from, and twenty of the judge's; every picture has a file."""
    world.say_some(120)
    for image in world.audit()[:20]:
        world.say(image)
    monkeypatch.setattr(files, "local", lambda image, folder: Path(f"/pictures/{image.sha256}"))
    return world


@pytest.fixture
def challenged(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, Any]]]:
    """What has been sent to the judge."""
    calls: list[dict[str, Any]] = []
    monkeypatch.setattr(challenge, "start", lambda **given: calls.append(given))
    yield calls


def result(*, improved: bool = True) -> dict[str, Any]:
    """What a run leaves behind."""
    start, end = (
        {"number": n, "loss": 0.5, "held_out_loss": 1.0 - n / 2, "held_out_accuracy": 0.6 + n / 5} for n in (0, 1)
    )
    return {
        "backbone": "tuned-0123456789ab", "history": [start, end], "best": end, "train": 100, "held_out": 20,
        "unreadable": 1, "precision": "f32", "improved": improved, "seconds": 1.0,
    }


def training(monkeypatch: pytest.MonkeyPatch, work: Callable[[Path], None]) -> None:
    """Put something quick in place of the process that trains."""
    monkeypatch.setattr(trainer, "train", lambda folder, **_: work(folder))


def done(job: Job) -> Job:
    """A worker takes the job and does it."""
    claimed = claim(str(job.pk))
    assert claimed is not None
    with running(claimed) as run:
        finetune_project(run)
    job.refresh_from_db()
    return job


def test_it_trains_on_labels_of_the_pool_and_never_on_the_judges(
    labelled: World, challenged: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks: list[Task] = []

    def work(folder: Path) -> None:
        tasks.append(Task.read(folder))
        write_json(folder / RESULT, result())

    training(monkeypatch, work)
    done(request_finetune(project=labelled.project, user=labelled.owner))

    images = {f"/pictures/{image.sha256}": image for image in Image.objects.filter(project=labelled.project)}
    assert len(tasks[0].pictures) == 120
    assert not any(images[name].is_audit for name in tasks[0].pictures)
    assert tasks[0].classes == 3
    for name, number in zip(tasks[0].pictures, tasks[0].labels, strict=True):
        assert labelled.truth[images[name].pk] == labelled.labels[number]


def test_what_comes_out_challenges_the_backbone_at_work(
    labelled: World, challenged: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    training(monkeypatch, lambda folder: write_json(folder / RESULT, result()))
    job = done(request_finetune(project=labelled.project, user=labelled.owner))

    assert job.state == Job.State.DONE
    assert challenged == [{"project": labelled.project, "backbone": "tuned-0123456789ab", "user": labelled.owner}]
    assert "80.0% right of the images held out, 60.0% before" in job.log
    assert not work_folder(job).exists()


def test_what_is_no_better_on_held_out_images_is_not_even_tried(
    labelled: World, challenged: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    training(monkeypatch, lambda folder: write_json(folder / RESULT, result(improved=False)))
    job = done(request_finetune(project=labelled.project, user=labelled.owner))

    assert (job.state, challenged) == (Job.State.DONE, [])
    assert "nothing changes" in job.message


def test_too_few_labels_are_told_by_number(world: World) -> None:
    world.say_some(30)

    with pytest.raises(NotReady, match="there are 30: label 70 more"):
        request_finetune(project=world.project, user=world.owner)


def test_a_disk_without_room_is_told_before_anything_starts(labelled: World, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("Usage", "total used free")(10**9, 10**9, 5)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)

    with pytest.raises(NoSpace, match="make room"):
        request_finetune(project=labelled.project, user=labelled.owner)
    assert not Job.objects.filter(kind=Job.Kind.FINETUNE).exists()


def test_there_is_one_at_a_time(labelled: World) -> None:
    job = request_finetune(project=labelled.project, user=labelled.owner)

    with pytest.raises(Conflict, match="being fine-tuned"):
        request_finetune(project=labelled.project, user=labelled.owner)
    cancel_job(job=job)
    request_finetune(project=labelled.project, user=labelled.owner)


def test_the_next_worker_goes_on_in_the_same_folder_with_the_same_labels(
    labelled: World, challenged: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(folder: Path) -> None:
        (folder / "checkpoint").write_text("half-way")
        raise SystemExit

    training(monkeypatch, stopped)
    job = request_finetune(project=labelled.project, user=labelled.owner)
    with pytest.raises(SystemExit):
        done(job)
    labelled.say_some(10)

    def finish(folder: Path) -> None:
        assert (folder / "checkpoint").read_text() == "half-way"
        assert len(Task.read(folder).pictures) == 120
        write_json(folder / RESULT, result())

    training(monkeypatch, finish)
    assert done(job).state == Job.State.DONE


def test_a_cancelled_or_failed_run_leaves_nothing_behind(
    labelled: World, challenged: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(folder: Path) -> None:
        raise Invalid("The pictures are gone.")

    training(monkeypatch, fail)
    job = done(request_finetune(project=labelled.project, user=labelled.owner))

    assert (job.state, job.error) == (Job.State.FAILED, "The pictures are gone.")
    assert not work_folder(job).exists()
    assert challenged == []


def test_folders_of_jobs_that_have_ended_are_swept_by_the_next(
    labelled: World, challenged: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = settings.DATA_DIR / "work" / f"{finetune.PREFIX}00000000-0000-4000-8000-000000000000"
    lost.mkdir(parents=True)
    training(monkeypatch, lambda folder: write_json(folder / RESULT, result()))

    done(request_finetune(project=labelled.project, user=labelled.owner))

    assert not lost.exists()


def test_the_page_learns_what_it_would_cost_and_starts_it(labelled: World) -> None:
    client = Client()
    client.force_login(labelled.owner)
    address = f"/api/projects/{labelled.project.pk}/finetune"

    offer = client.get(address).json()
    partial, full = offer["modes"]
    assert (offer["backbone"], offer["labels"], offer["possible"], offer["why_not"]) == ("lite0", 120, True, "")
    assert (partial["mode"], full["mode"]) == ("partial", "full")
    assert partial["seconds"] > 0
    assert 0 < partial["disk_bytes"] < 10**9

    answer = client.post(address, {"mode": "partial", "epochs": 3}, content_type="application/json")
    assert (answer.status_code, answer.json()["kind"]) == (202, "finetune")
    assert Job.objects.get(pk=answer.json()["id"]).params["recipe"]["epochs"] == 3
    assert "being fine-tuned" in client.get(address).json()["why_not"]


def test_an_unknown_backbone_is_a_sentence(labelled: World) -> None:
    with pytest.raises(Invalid, match="Unknown backbone 'vgg'"):
        request_finetune(project=labelled.project, user=labelled.owner, backbone="vgg")


def test_annotators_may_look_but_not_start(labelled: World) -> None:
    anna = User.objects.create(username="anna")
    Membership.objects.create(project=labelled.project, user=anna, role=Membership.Role.ANNOTATOR)
    client = Client()
    client.force_login(anna)
    address = f"/api/projects/{labelled.project.pk}/finetune"

    assert client.get(address).status_code == 200
    assert client.post(address, {}, content_type="application/json").status_code == 403


def test_from_a_shell_it_is_done_at_once(
    labelled: World, challenged: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    training(monkeypatch, lambda folder: write_json(folder / RESULT, result()))
    heard: list[str] = []

    answer = finetune_now(
        project=labelled.project, user=labelled.owner, on_progress=lambda done, total, message: heard.append(message)
    )

    assert answer == heard[-1] + "." == "Trained; now it is compared on the audit labels."
    assert len(challenged) == 1


def test_what_was_trained_on_other_machines_is_brought_back(
    labelled: World, challenged: list[dict[str, Any]], tmp_path: Path
) -> None:
    folder = prepare(project=labelled.project, folder=tmp_path / "shared", epochs=2)
    task = Task.read(folder)
    assert (len(task.pictures), task.recipe["epochs"], task.tuned) == (120, 2, str(folder / "tuned"))
    with pytest.raises(DomainError, match="run torchrun on it first"):
        bring_back(project=labelled.project, user=labelled.owner, folder=folder)

    name = result()["backbone"]
    (folder / "tuned" / name).mkdir(parents=True)
    (folder / "tuned" / name / "spec.json").write_text("{}")
    write_json(folder / RESULT, result())
    bring_back(project=labelled.project, user=labelled.owner, folder=folder)

    assert (settings.DATA_DIR / "tuned" / name / "spec.json").exists()
    assert challenged[0]["backbone"] == name
    shutil.rmtree(settings.DATA_DIR / "tuned")
