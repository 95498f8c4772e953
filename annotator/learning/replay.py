"""How many labels choosing saves, measured: the project's own labelled images are labelled again from nothing."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, QuerySet

from annotator.jobs import progress
from annotator.jobs.models import Job
from annotator.labelling.models import Annotation, Standing
from annotator.learning.models import FeatureSet, Replay
from annotator.projects.access import note
from annotator.projects.errors import NotReady
from annotator.projects.models import Project, User

CHANCE = "random"
SEEDS = 5
# Fewer labelled images leave a test set on which all strategies look alike.
LEAST_LABELS = 60
# A class with fewer cannot be split into what is learnt from and what is measured on.
LEAST_OF_CLASS = 5
# From this share more labels than at the measurement on, it says what was rather than what is.
STALE_GROWTH = 0.25


def start_replay(*, project: Project, user: User | None) -> Job:
    """Send the job that measures.

    Raises NotReady while there are too few labels, Conflict while it is being measured.
    """
    why_not = missing(project)
    if why_not:
        raise NotReady(why_not)
    job = progress.start_job(
        project=project, kind=Job.Kind.REPLAY, user=user, total=2 * SEEDS, unit="runs", message="Waiting for a worker"
    )
    note(user=user, action="replay.requested", project=project)
    return job


def missing(project: Project) -> str:
    """Why this cannot be measured yet, in a sentence; empty when it can."""
    classes = labelled_images(project).values("label").annotate(images=Count("pk"))
    sizes = [row["images"] for row in classes if row["images"] >= LEAST_OF_CLASS]
    if sum(sizes) >= LEAST_LABELS and len(sizes) >= 2:
        return ""
    if len(sizes) < 2:
        return f"Measuring needs at least {LEAST_OF_CLASS} labelled images of each of two classes."
    more = LEAST_LABELS - sum(sizes)
    return f"Measuring needs {LEAST_LABELS} labelled images of classes with at least {LEAST_OF_CLASS}: label {more} more."


def contestants(project: Project) -> tuple[str, str]:
    """What is held against what: the project's strategy and random; for a project that chooses at random, `auto`."""
    return ("auto" if project.strategy == CHANCE else project.strategy), CHANCE


def summary(project: Project) -> dict[str, Any] | None:
    """The last measurement for the learn page, in numbers and one sentence; None when there was none."""
    found = Replay.objects.filter(project=project).first()
    if found is None:
        return None
    now = labelled_images(project).count()
    result = found.result
    ours, chance = result["curves"]
    return {
        "strategy": found.strategy, "head": found.head, "features": found.fingerprint, "labels": found.labels,
        "chosen": found.chosen, "images": result["images"], "test_images": result["test_images"],
        "pool_images": result["pool_images"], "seeds": result["seeds"], "full_accuracy": result["full_accuracy"],
        "curves": result["curves"], "text": saving(ours, chance, result), "made_at": found.made_at,
        "stale": _stale(found, project, now), "labels_now": now,
    }


def saving(ours: dict[str, Any], chance: dict[str, Any], result: dict[str, Any]) -> str:
    """What choosing saved in the replay, as one sentence."""
    goal = f"for 90 % of the accuracy that all {result['pool_images']:,} labels give"
    budget = ours["labels"][-1]
    mine, random = ours["needed"], chance["needed"]
    if mine is None and random is None:
        return f"Neither way reached it within {budget} labels {goal}, so nothing can be said of savings yet."
    if mine is None:
        return f"Chosen at random, {random:.0f} labels were enough {goal}; chosen by the model, {budget} were not."
    if random is None:
        return f"Chosen by the model, {mine:.0f} labels were enough {goal}; chosen at random, {budget} were not."
    told = f"Chosen by the model, {mine:.0f} labels were enough {goal}; chosen at random it took {random:.0f}"
    if mine >= random:
        return f"{told}: here choosing saves nothing."
    return f"{told}: choosing saves {100 * (1 - mine / random):.0f} % of the labels."


def _stale(found: Replay, project: Project, now: int) -> bool:
    feature_set = FeatureSet.objects.filter(project=project).first()
    changed = (found.strategy, found.head) != (contestants(project)[0], project.head)
    other_features = feature_set is not None and feature_set.fingerprint != found.fingerprint
    return changed or other_features or abs(now - found.labels) > STALE_GROWTH * found.labels


def labelled_images(project: Project) -> QuerySet[Standing]:
    """Images with a label that is still in use; audit images too."""
    return Standing.objects.filter(project=project, kind=Annotation.Kind.LABEL, label__archived_at=None)
