"""Whether something has been said, or images have come, that the last ranking did not see: a few counts, no arrays."""

from __future__ import annotations

import hashlib
import json

from django.db.models import Count, Max

from annotator.images.models import Image
from annotator.labelling import tally
from annotator.labelling.models import Annotation
from annotator.learning.models import Ranking
from annotator.projects.models import Project


def state_of(project: Project) -> str:
    """SHA-256 of all that a ranking depends on: annotations, images with features, classes, strategy and head."""
    # Both the count and the highest: on PostgreSQL a lower seq may become visible after a higher one.
    said = Annotation.objects.filter(project=project).aggregate(Count("seq"), Max("seq"))
    images = Image.objects.filter(project=project).aggregate(Max("id"))
    counts = tally.progress(project.pk)
    classes = list(project.labels.filter(archived_at=None).order_by("id").values_list("id", "name"))
    facts = [said, images, counts["images"], counts["featured"], classes, project.strategy, project.head, project.backbone]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def is_behind(project: Project) -> bool:
    """Whether the last ranking of the project is out of date (or there are images and none was made yet)."""
    ranking = Ranking.objects.filter(project=project).first()
    if ranking is not None:
        return ranking.seen != state_of(project)
    return tally.progress(project.pk)["featured"] > 0
