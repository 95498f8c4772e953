"""A fine-tuning job at work: the task is written, a process of its own trains, and what comes out is put to the test."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone

from annotator.images import files
from annotator.jobs import progress
from annotator.jobs.models import Job
from annotator.jobs.progress import Cancelled, Running
from annotator.learning import challenge, trainer
from annotator.learning.finetune import (
    PREFIX,
    WHOLE,
    choose,
    classes_of,
    labelled,
    request_finetune,
    tuned_root,
    work_folder,
)
from annotator.learning.models import Challenger
from annotator.projects.errors import DomainError, Invalid, NotReady
from annotator.projects.models import Project, User
from mlcore.finetune.recipe import Mode
from mlcore.finetune.task import TASK, Status, Task, read_result


def finetune_project(run: Running) -> None:
    """Train, keep the tuned backbone, and let it challenge the one at work. Goes on where a killed worker was.

    Raises Cancelled or a DomainError; then nothing is left behind.
    """
    folder = work_folder(run.job)
    forget_others()
    try:
        _train(run, folder)
    except (Cancelled, DomainError, RuntimeError, OSError):
        shutil.rmtree(folder, ignore_errors=True)
        raise
    # A worker that is being stopped, or has lost the job to another, leaves the folder to whoever goes on.
    shutil.rmtree(folder, ignore_errors=True)


def _train(run: Running, folder: Path) -> None:
    job = run.job
    if not (folder / TASK).exists():
        task_of(job.project, backbone=job.params["backbone"], recipe=job.params["recipe"], folder=folder).write(folder)
    run.log(f"{job.params['recipe']['mode'].capitalize()} fine-tuning of {job.params['backbone']}.")
    tell = _teller(run)
    # Where an earlier worker left off, lest this one's speed be told from what it did not do.
    tell(replace(Status.read(folder), message="Starting"))
    trainer.train(folder, processes=job.params["processes"], tell=tell, cancelled=lambda: run.cancelled)
    result = read_result(folder)
    if result is None:
        raise Invalid("The training ended without a result: start it again.")
    for line in history(result):
        run.log(line)
    if not result["improved"]:
        run.step(WHOLE, WHOLE, "It became no better on the images held out, so nothing changes", now=True)
        return
    take(job.project, backbone=result["backbone"], user=job.created_by)
    run.step(WHOLE, WHOLE, "Trained; now it is compared on the audit labels", now=True)


def take(project: Project, *, backbone: str, user: User | None) -> None:
    """Let a tuned backbone challenge the one at work. Raises Conflict while another does."""
    # A worker may have been killed just after it had done this.
    if not Challenger.objects.filter(project=project, backbone=backbone, state__in=Challenger.OPEN).exists():
        challenge.start(project=project, backbone=backbone, user=user)


def task_of(project: Project, *, backbone: str, recipe: dict[str, Any], folder: Path) -> Task:
    """What is to be trained: the labels of this moment, and the pictures as files of this machine."""
    place = {key: number for number, key in enumerate(classes_of(project))}
    pictures, labels = [], []
    for standing in labelled(project).select_related("image").order_by("image_id").iterator(chunk_size=500):
        path = files.local(standing.image, folder / "pictures")
        if path is not None:
            pictures.append(str(path))
            labels.append(place[standing.label_id or 0])
    now = timezone.now()
    return Task(
        backbone=backbone, tuned=str(tuned_root()), pictures=pictures, labels=labels, classes=len(place), recipe=recipe,
        device=settings.DEVICE, made_at=now.isoformat(timespec="seconds"),
        title=f"{challenge.title(backbone)}, fine-tuned on {len(labels)} labels of {project.name}",
    )


def history(result: dict[str, Any]) -> list[str]:
    """What a run tells of itself, for the log."""
    start, best = result["history"][0], result["best"]
    lines = [
        f"{result['train']} images trained on in {result['precision']}, {result['held_out']} held out.",
        f"Start: held out: loss {start['held_out_loss']:.3f}, {start['held_out_accuracy']:.1%} right.",
    ]
    lines += [
        f"Epoch {line['number']}: loss {line['loss']:.3f}; held out: loss {line['held_out_loss']:.3f}, "
        f"{line['held_out_accuracy']:.1%} right."
        for line in result["history"][1:]
    ]
    if result["unreadable"]:
        lines.append(f"{result['unreadable']} images could not be read.")
    return [
        *lines,
        f"Best was epoch {best['number']}: {best['held_out_accuracy']:.1%} right of the images held out, "
        f"{start['held_out_accuracy']:.1%} before. " + (f"Kept as {result['backbone']}." if result["improved"] else ""),
    ]


def _teller(run: Running) -> Callable[[Status], None]:
    def tell(status: Status) -> None:
        run.step(min(WHOLE - 1, round(WHOLE * status.done / status.total)), WHOLE, status.message)

    return tell


def forget_others() -> None:
    """Remove the folders of jobs that ended while nobody was there to clean up."""
    for folder in (settings.DATA_DIR / "work").glob(f"{PREFIX}*"):
        if not Job.objects.filter(pk=folder.name.removeprefix(PREFIX), state__in=Job.OPEN).exists():
            shutil.rmtree(folder, ignore_errors=True)


def finetune_now(
    *, project: Project, user: User | None, on_progress: Callable[[int, int, str], None], **wanted: Any
) -> str:
    """Fine-tune in this process; `wanted` as `request_finetune` takes it. Answers what became of it, in a sentence.

    Raises a DomainError with the sentence that a person can act on.
    """
    job = request_finetune(project=project, user=user, here=True, **wanted)
    with progress.running(job) as run:
        run.listeners.append(on_progress)
        try:
            finetune_project(run)
        except KeyboardInterrupt as error:
            shutil.rmtree(work_folder(job), ignore_errors=True)
            raise Cancelled from error
    job.refresh_from_db()
    if job.state != Job.State.DONE:
        raise Invalid(job.error or "The fine-tuning was cancelled.")
    return f"{job.message}."


def prepare(
    *, project: Project, folder: Path, mode: Mode = "partial", epochs: int | None = None, backbone: str = "",
    mirror: bool = True,
) -> Path:
    """Write a task for torchrun into a folder that all its machines see; answers the folder.

    The tuned backbone will lie there too. Raises a DomainError.
    """
    name, recipe = choose(project, mode=mode, epochs=epochs, backbone=backbone, mirror=mirror)
    task = task_of(project, backbone=name, recipe=recipe, folder=folder)
    if task.classes < 2:
        raise NotReady("Fine-tuning needs labels of at least two classes.")
    replace(task, tuned=str(folder / "tuned")).write(folder)
    return folder


def bring_back(*, project: Project, user: User | None, folder: Path) -> str:
    """Take what torchrun has trained in a prepared folder, and let it challenge the backbone at work.

    Answers what became of it, in a sentence. Raises NotReady while there is no result.
    """
    result = read_result(folder)
    if result is None:
        raise NotReady(f"There is no result in {folder} yet: run torchrun on it first.")
    name: str = result["backbone"]
    if not result["improved"]:
        return "It became no better on the images held out, so nothing changes."
    if not (tuned_root() / name).exists():
        shutil.copytree(folder / "tuned" / name, tuned_root() / name)
    take(project, backbone=name, user=user)
    return f"{name} is compared on the audit labels now."
