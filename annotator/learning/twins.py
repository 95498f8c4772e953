"""Near duplicates as the pages see them: groups of images that look alike, those whose labels differ first."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Case, Count, F, Max, When, Window
from django.db.models.functions import RowNumber

from annotator.images.models import Image
from annotator.jobs.models import Job
from annotator.labelling import tally
from annotator.learning.models import FeatureSet, Twin, TwinSearch
from annotator.projects.models import Project

# Images of one group that are listed; a burst of a camera may have thousands.
MOST_IN_GROUP = 24
# Up to so many comparisons (two CPU seconds) the learn worker looks by itself: what it needs is in its memory.
FEW_PAIRS = 200_000_000


@dataclass(frozen=True)
class Group:
    """Images linked by near duplicates: ids of some of them by class, how many there are, and whether labels differ."""

    number: int
    images: list[int]
    count: int
    differ: bool
    cosine: float


@dataclass(frozen=True)
class Facts:
    """What a search depends on: the space, and how many images have features up to which id."""

    space: int
    images: int
    newest: int


def facts(project: Project) -> Facts | None:
    """As of now; None while there is nothing to look through."""
    feature_set = FeatureSet.objects.filter(project=project).first()
    if feature_set is None:
        return None
    spaces = project.feature_spaces.filter(fingerprint=feature_set.fingerprint)
    space = spaces.aggregate(newest=Max("number"))["newest"]
    featured = Image.objects.filter(project=project, featured=True).order_by("-pk").values_list("pk", flat=True).first()
    if space is None or featured is None:
        return None
    return Facts(space, tally.progress(project.pk)["featured"], featured)


def work_left(project: Project) -> int:
    """How many comparisons a search would make now, about; 0 when there is nothing new, or features are under way."""
    if Job.objects.filter(project=project, kind=Job.Kind.FEATURES, state__in=Job.OPEN).exists():
        return 0
    now = facts(project)
    before = TwinSearch.objects.filter(project=project).first()
    if now is None or (before is not None and before.facts == (now.space, now.images, now.newest)):
        return 0
    if before is None or before.space != now.space:
        return now.images**2
    return max(1, abs(now.images - before.images)) * now.images


def groups(project: Project, *, start: int, limit: int) -> tuple[list[Group], int, int]:
    """Some groups, those with differing labels first and the larger first; how many there are, and how many differ."""
    counted = (
        Twin.objects.filter(project=project).values("number")
        .annotate(size=Count("pk"), kinds=Count("image__standing__label", distinct=True), closest=Max("cosine"))
        .filter(size__gt=1)
    )
    found = counted.order_by(Case(When(kinds__gt=1, then=0), default=1), "-size", "number")
    total, differ = counted.count(), counted.filter(kinds__gt=1).count()
    page = list(found[start : start + limit])
    place = Window(RowNumber(), partition_by="number", order_by=[F("image__standing__label").asc(nulls_last=True), "pk"])
    shown = (
        Twin.objects.filter(project=project, number__in=[row["number"] for row in page])
        .annotate(place=place).filter(place__lte=MOST_IN_GROUP).order_by("number", "place").values_list("number", "pk")
    )
    images: dict[int, list[int]] = {}
    for number, image in shown:
        images.setdefault(number, []).append(image)
    rows = [
        Group(row["number"], images.get(row["number"], []), row["size"], row["kinds"] > 1, row["closest"]) for row in page
    ]
    return rows, total, differ
