"""Short ways to answer."""

from __future__ import annotations

from uuid import uuid4

from annotator.images.models import Image
from annotator.labelling.annotate import annotate
from annotator.labelling.models import Annotation
from annotator.projects.models import Label, User


def say(image: Image, author: User, what: Label | str, *, client: str = "page") -> Annotation:
    """Label an image, or skip, flag or clear it."""
    kind, label = ("label", what) if isinstance(what, Label) else (what, None)
    annotation, _ = annotate(
        id=uuid4(), project=image.project, image=image, author=author, kind=kind, label=label, client=client
    )
    return annotation
