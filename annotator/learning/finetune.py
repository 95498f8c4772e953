"""Fine-tuning of a project's backbone, as it is asked for: whether it can be done, what it would cost, and the job."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from annotator.jobs import progress
from annotator.jobs.models import Job
from annotator.labelling.models import Annotation, Standing
from annotator.learning import challenge, trainer
from annotator.projects.access import note
from annotator.projects.errors import Conflict, DomainError, Invalid, NoSpace, NotReady
from annotator.projects.models import Project, User
from mlcore.finetune.cost import Cost, estimate, modes_of
from mlcore.finetune.recipe import Mode, Recipe

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
    costs = {mode: _cost(backbone, labels, mode, None) for mode in modes_of(backbone)}
    try:
        _check(project, next(iter(costs.values())))
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
    name, recipe = choose(project, mode=mode, epochs=epochs, backbone=backbone, mirror=mirror)
    with transaction.atomic():
        # The lock makes two requests at once queue up; the second then finds the first's job.
        Project.objects.select_for_update().get(pk=project.pk)
        _check(project, _cost(name, labelled(project).count(), mode, epochs))
        params = {"backbone": name, "recipe": recipe, "processes": processes}
        job = progress.start_job(
            project=project, kind=Job.Kind.FINETUNE, params=params, user=user, total=WHOLE, unit="%",
            message="Waiting for a worker", here=here,
        )
        note(user=user, action="finetune.requested", project=project, backbone=name, mode=mode)
    return job


def choose(
    project: Project, *, mode: Mode, epochs: int | None, backbone: str, mirror: bool
) -> tuple[str, dict[str, Any]]:
    """The backbone to train and the recipe, JSON-ready. Raises Invalid, or NotReady where the weights are missing."""
    name = _base_of(backbone or challenge.at_work(project))
    found = challenge.find(name)
    if not found.available():
        raise NotReady(f"The weights of {found.title} are not on this machine. {found.how_to_get}", field="backbone")
    if mode not in modes_of(name):
        raise Invalid(f"{found.title} can only be fine-tuned as a whole: use the mode full.", field="mode")
    try:
        return name, Recipe.for_mode(mode, epochs=epochs, mirror=mirror, seed=project.pk).as_dict()
    except ValueError as error:
        raise Invalid(str(error)) from error


def labelled(project: Project) -> QuerySet[Standing]:
    """What may be trained on: labels of classes that are still there, of readable images; of audit images never."""
    return Standing.objects.filter(
        project=project, kind=Annotation.Kind.LABEL, is_audit=False, label__archived_at=None, image__feature_error=""
    )


def tuned_root() -> Path:
    """Where fine-tuned backbones are kept."""
    return settings.DATA_DIR / "tuned"


def work_folder(job: Job) -> Path:
    """Where a job works; the same for every worker that goes on with it."""
    return settings.DATA_DIR / "work" / f"{PREFIX}{job.pk}"


def _check(project: Project, cost: Cost) -> None:
    if Job.objects.filter(project=project, kind=Job.Kind.FINETUNE, state__in=Job.OPEN).exists():
        raise Conflict("This project is being fine-tuned: wait for it or cancel it.")
    labels = labelled(project).count()
    if labels < FEWEST:
        raise NotReady(
            f"Fine-tuning needs at least {FEWEST} labelled images that are not audit images, and there are {labels}: "
            f"label {FEWEST - labels} more."
        )
    if len(classes_of(project)) < 2:
        raise NotReady("Fine-tuning needs labels of at least two classes.")
    free = shutil.disk_usage(settings.DATA_DIR).free - SPARE_BYTES
    if cost.disk_bytes > free:
        raise NoSpace(
            f"Fine-tuning needs {cost.disk_bytes / 1e9:.1f} GB of disk for a while, and {max(0, free) / 1e9:.1f} GB are "
            "free: make room and try again."
        )


def classes_of(project: Project) -> list[int]:
    """Ids of the classes that have labels to train on, in order."""
    return list(labelled(project).order_by("label_id").values_list("label_id", flat=True).distinct())


def _base_of(name: str) -> str:
    """A tuned backbone is not tuned further: with more labels its base is tuned anew, which does not drift."""
    return challenge.find(name).base or name


def _cost(backbone: str, labels: int, mode: Mode, epochs: int | None) -> Cost:
    return estimate(backbone=backbone, pictures=labels, mode=mode, epochs=epochs, cores=trainer.threads())
