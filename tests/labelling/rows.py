"""Rows for tests of the queue: images without files, rankings without a learner."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count

from annotator.images.models import Image
from annotator.labelling.models import Candidate
from annotator.projects.models import Project

_numbers = count(1)


def make_images(project: Project, learns: int, audits: int = 0) -> list[Image]:
    """Images to learn from, then audit images, all in the order of their sort keys."""
    made = []
    for is_audit in [False] * learns + [True] * audits:
        number = next(_numbers)
        made.append(
            Image(
                project=project, sha256=f"{number:064x}", name=f"{number}.jpg", format="JPEG", size=1000,
                width=64, height=48, is_audit=is_audit, sort_key=number,
            )
        )
    return Image.objects.bulk_create(made)


def rank(project: Project, images: Sequence[Image], *, model: int = 1) -> None:
    """Make these the candidates, in this order, as the learner does."""
    label = project.labels.first()
    Candidate.objects.filter(project=project).delete()
    Candidate.objects.bulk_create(
        Candidate(
            project=project, image=image, position=position, is_audit=image.is_audit, reason="torn",
            reason_text="torn between cup and glass", guess=None if image.is_audit else label, confidence=0.6,
            top=[[label.pk, 0.6]] if label else [], model_number=model,
        )
        for position, image in enumerate(images)
    )
