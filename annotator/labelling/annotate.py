"""Somebody says something about an image: one more row, and what holds now, in one transaction."""

from __future__ import annotations

import math
from uuid import UUID

from django.db import IntegrityError, transaction

from annotator.images.models import Image
from annotator.labelling.lease import hold
from annotator.labelling.models import Annotation, Lease, Standing
from annotator.projects.errors import Conflict, Invalid, NotFound
from annotator.projects.models import Label, Project, User

Kind = Annotation.Kind
GONE = "This image has been deleted: go on to the next one."
LONGEST_LOOK = 86_400.0
LONGEST_CLIENT = 64


def annotate(
    *, id: UUID, project: Project, image: Image | int, author: User | None, kind: str, label: Label | int | None = None,
    client: str = "", seconds: float | None = None, model_version: int | None = None, guess: Label | int | None = None,
    confidence: float | None = None, source: str = Annotation.Source.PERSON,
) -> tuple[Annotation, bool]:
    """Write down an answer; also whether it is new (False: this id came before, and nothing was added).

    The newest answer of an image holds. `clear` takes the last one back and leaves the image with the client that did so.
    Raises NotFound (the image is gone), Invalid (a class of another project, or an archived one), Conflict (the id was used
    for something else).
    """
    _check(kind, label, client, seconds, confidence)
    image_id = image if isinstance(image, int) else image.pk
    # The savepoint lets a clash of ids be told apart from a broken transaction.
    with transaction.atomic():
        # The lock makes the order of an image's rows the order in which they hold.
        locked = Image.objects.select_for_update().filter(pk=image_id, project=project)
        found = locked.only("pk", "is_audit", "project_id").first()
        if found is None:
            raise NotFound(GONE, field="image")
        before = Annotation.objects.filter(id=id).first()
        if before is not None:
            if before.image_id != image_id or before.project_id != project.pk:
                raise Conflict("This id was used for another image: make a fresh UUID for each answer.", field="id")
            return before, False
        chosen, guessed = _labels(project, label, guess)
        try:
            with transaction.atomic():
                annotation = Annotation.objects.create(
                    id=id, project=project, image_id=image_id, kind=kind, label=chosen, author=author, source=source,
                    seconds=None if seconds is None else min(seconds, LONGEST_LOOK), guess=guessed, confidence=confidence,
                    model_number=model_version,
                )
        except IntegrityError as error:
            raise Conflict("This id was used for another image: make a fresh UUID for each answer.", field="id") from error
        _stand(annotation, found)
        if kind == Kind.CLEAR and author is not None and client:
            hold(image=found, user=author, client=client)
        else:
            Lease.objects.filter(pk=image_id).delete()
    return annotation, True


def _stand(annotation: Annotation, image: Image) -> None:
    """Make `annotation` what holds for its image."""
    if annotation.kind == Kind.CLEAR:
        Standing.objects.filter(pk=image.pk).delete()
        return
    Standing.objects.bulk_create(
        [
            Standing(
                image=image, project_id=image.project_id, annotation=annotation, kind=annotation.kind,
                label_id=annotation.label_id, is_audit=image.is_audit,
            )
        ],
        update_conflicts=True, unique_fields=["image"], update_fields=["annotation", "kind", "label"],
    )


def _check(kind: str, label: object, client: str, seconds: float | None, confidence: float | None) -> None:
    if kind not in Kind.values:
        raise Invalid(f"kind must be one of {', '.join(Kind.values)}.", field="kind")
    if kind == Kind.LABEL and label is None:
        raise Invalid("Say which class: label is missing.", field="label")
    if kind != Kind.LABEL and label is not None:
        raise Invalid(f"An answer of kind '{kind}' has no class: leave label out.", field="label")
    if len(client) > LONGEST_CLIENT:
        raise Invalid(f"client must be at most {LONGEST_CLIENT} characters.", field="client")
    if seconds is not None and not (math.isfinite(seconds) and seconds >= 0):
        raise Invalid("seconds must be a number from 0 on.", field="seconds")
    if confidence is not None and not 0 <= confidence <= 1:
        raise Invalid("confidence must be from 0 to 1.", field="confidence")


def _labels(project: Project, label: Label | int | None, guess: Label | int | None) -> tuple[Label | None, Label | None]:
    """The class and the guess as rows of this project."""
    wanted = [(value if isinstance(value, int) else value.pk) for value in (label, guess) if value is not None]
    found = Label.objects.filter(project=project).in_bulk(wanted) if wanted else {}
    chosen = _one(found, label, "label")
    if chosen is not None and chosen.archived_at is not None:
        raise Invalid(f"The class '{chosen.name}' has been archived: choose another one.", field="label")
    return chosen, _one(found, guess, "guess")


def _one(found: dict[int, Label], wanted: Label | int | None, field: str) -> Label | None:
    if wanted is None:
        return None
    row = found.get(wanted if isinstance(wanted, int) else wanted.pk)
    if row is None:
        raise Invalid(f"This project has no such class: {field} must be the id of one of its classes.", field=field)
    return row
