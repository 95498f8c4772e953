"""Images that came with their class: the class counts as an annotation, unless somebody has already spoken."""

from __future__ import annotations

import uuid
from typing import Any

from annotator.images.models import Image
from annotator.labelling.annotate import annotate
from annotator.labelling.models import Annotation, Standing
from annotator.projects.models import Label, User


def label_arrival(sender: Any, *, image: Image, label: Label, user: User | None, **_: Any) -> None:
    """Listens to `images.ingest.came_labelled`, within its transaction."""
    if Standing.objects.filter(pk=image.pk).exists():
        return
    annotate(
        id=uuid.uuid4(), project=image.project, image=image, author=user, kind=Annotation.Kind.LABEL, label=label,
        source=Annotation.Source.IMPORT,
    )
