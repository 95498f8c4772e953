"""Fine-tuning of a project's backbone: asked for, trained by a job, and then put to the test like any other challenger."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from annotator.images import files
from annotator.jobs import progress
from annotator.jobs.models import Job
from annotator.jobs.progress import Cancelled, Running
from annotator.labelling.models import Annotation, Standing
from annotator.learning import challenge, trainer
from annotator.learning.models import Challenger
from annotator.projects.access import note
from annotator.projects.errors import Conflict, DomainError, Invalid, NoSpace, NotReady
from annotator.projects.models import Project, User
from mlcore.finetune.cost import Cost, estimate
from mlcore.finetune.recipe import MODES, Mode, Recipe
from mlcore.finetune.task import TASK, Status, Task, read_result

# Fewer labels than this never helped in any measurement of ours.
FEWEST = 100
# Progress is told in hundredths.
WHOLE = 100
# What stays free on the disk besides.
SPARE_BYTES = 500_000_000
# Of the folders that jobs work in.
PREFIX = "finetune-"


@dataclass(frozen=True)
class Offer:
    """What fine-tuning would be now. why_not: the sentence that stands in the way, or empty."""

    backbone: str
    labels: int
    why_not: str
    costs: dict[Mode, Cost]


def offer(project: Project) -> Offer:
    """Whether a project can be fine-tuned, and what that would cost."""
    backbone = _base_of(challenge.at_work(project))
    labels = labelled(project).count()
    costs = {mode: _cost(backbone, labels, mode, None) for mode in MODES}
    try:
        _check(project, costs["partial"])
    except DomainError as error:
        return Offer(backbone, labels, error.message, costs)
    return Offer(backbone, labels, "", costs)


def request_finetune(
    *, project: Project, user: User | None, mode: Mode = "partial", epochs: int | None = None, backbone: str = "",
    mirror: bool = True, processes: int = 1, here: bool = False,
) -> Job:
    """A job that fine-tunes on the labels there are then. backbone: empty for the one at work.

    Raises Invalid, NotReady while there are too few labels, NoSpace, Conflict while another such job is open.
    """
    name = _base_of(backbone or challenge.at_work(project))
    try:
        recipe = Recipe.for_mode(mode, epochs=epochs, mirror=mirror, seed=project.pk)
    except ValueError as error:
        raise Invalid(str(error)) from error
    found = challenge.find(name)
    if not found.available():
        raise NotReady(f"The weights of {found.title} are not on this machine. {found.how_to_get}", field="backbone")
    with transaction.atomic():
        # The lock makes two requests at once queue up; the second then finds the first's job.
        Project.objects.select_for_update().get(pk=project.pk)
        _check(project, _cost(name, labelled(project).count(), mode, epochs))
        params = {"backbone": name, "recipe": recipe.as_dict(), "processes": processes}
        job = progress.start_job(
            project=project, kind=Job.Kind.FINETUNE, params=params, user=user, total=WHOLE, unit="%",
            message="Waiting for a worker", here=here,
        )
        note(user=user, action="finetune.requested", project=project, backbone=name, mode=mode)
    return job


def finetune_project(run: Running) -> None:
    """Train, keep the tuned backbone, and let it challenge the one at work. Goes on where a killed worker was.

    Raises Cancelled or a DomainError; then nothing is left behind.
    """
    folder = work_folder(run.job)
    _forget_others()
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
    run.step(0, WHOLE, "Starting", now=True)
    trainer.train(folder, processes=job.params["processes"], tell=_teller(run), cancelled=lambda: run.cancelled)
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
    """Let a tuned backbone challenge the one at work, unless it does already. Raises Conflict while another does."""
    if not Challenger.objects.filter(project=project, backbone=backbone).exists():
        challenge.start(project=project, backbone=backbone, user=user)


def labelled(project: Project) -> QuerySet[Standing]:
    """What may be trained on: labels of classes that are still there, of readable images; of audit images never."""
    return Standing.objects.filter(
        project=project, kind=Annotation.Kind.LABEL, is_audit=False, label__archived_at=None, image__feature_error=""
    )


def task_of(project: Project, *, backbone: str, recipe: dict[str, Any], folder: Path) -> Task:
    """What is to be trained: the labels of this moment, and the pictures as files of this machine."""
    place = {key: number for number, key in enumerate(_classes(project))}
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
    lines = [f"{result['train']} images trained on in {result['precision']}, {result['held_out']} held out."]
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
        f"{start['held_out_accuracy']:.1%} before. Kept as {result['backbone']}.",
    ]


def tuned_root() -> Path:
    """Where fine-tuned backbones are kept."""
    return settings.DATA_DIR / "tuned"


def work_folder(job: Job) -> Path:
    """Where a job works; the same for every worker that goes on with it."""
    return settings.DATA_DIR / "work" / f"{PREFIX}{job.pk}"


def _forget_others() -> None:
    """Remove the folders of jobs that ended while nobody was there to clean up."""
    for folder in (settings.DATA_DIR / "work").glob(f"{PREFIX}*"):
        if not Job.objects.filter(pk=folder.name.removeprefix(PREFIX), state__in=Job.OPEN).exists():
            shutil.rmtree(folder, ignore_errors=True)


def _check(project: Project, cost: Cost) -> None:
    if Job.objects.filter(project=project, kind=Job.Kind.FINETUNE, state__in=Job.OPEN).exists():
        raise Conflict("This project is being fine-tuned: wait for it or cancel it.")
    labels = labelled(project).count()
    if labels < FEWEST:
        raise NotReady(
            f"Fine-tuning needs at least {FEWEST} labelled images that are not audit images, and there are {labels}: "
            f"label {FEWEST - labels} more."
        )
    if len(_classes(project)) < 2:
        raise NotReady("Fine-tuning needs labels of at least two classes.")
    free = shutil.disk_usage(settings.DATA_DIR).free - SPARE_BYTES
    if cost.disk_bytes > free:
        raise NoSpace(
            f"Fine-tuning needs {cost.disk_bytes / 1e9:.1f} GB of disk for a while, and {max(0, free) / 1e9:.1f} GB are "
            "free: make room and try again."
        )


def _classes(project: Project) -> list[int]:
    """Ids of the classes that have labels to train on, in order."""
    return list(labelled(project).order_by("label_id").values_list("label_id", flat=True).distinct())


def _base_of(name: str) -> str:
    """A tuned backbone is not tuned further: with more labels its base is tuned anew, which does not drift."""
    return challenge.find(name).base or name


def _cost(backbone: str, labels: int, mode: Mode, epochs: int | None) -> Cost:
    return estimate(backbone=backbone, pictures=labels, mode=mode, epochs=epochs, cores=trainer.threads())


def _teller(run: Running) -> Callable[[Status], None]:
    def tell(status: Status) -> None:
        run.step(min(WHOLE - 1, round(WHOLE * status.done / status.total)), WHOLE, status.message)

    return tell
