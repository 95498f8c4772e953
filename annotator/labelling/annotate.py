"""Somebody says something about an image: one more row, and what holds now, in one transaction."""

from __future__ import annotations

import math
from uuid import UUID

from django.db import IntegrityError, transaction

from annotator.images.models import Image
from annotator.labelling import statements
from annotator.labelling.lease import hold
from annotator.labelling.models import Annotation
from annotator.projects.errors import Conflict, Invalid, NotFound
from annotator.projects.models import Label, Project, User

Kind = Annotation.Kind
REUSED = "This id was used for another image: make a fresh UUID for each answer."
VANISHED = "Something that this answer names was deleted at this very moment: go on to the next image."
GONE = "This image has been deleted: go on to the next one."
HIGHEST_ID = 2**63 - 1
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
    image_id = _id(image)
    try:
        with transaction.atomic():
            # The lock makes the order of an image's rows the order in which they hold.
            is_audit = statements.lock_image(project.pk, image_id) if 0 <= image_id <= HIGHEST_ID else None
            if is_audit is None:
                raise NotFound(GONE, field="image")
            try:
                _check_labels(project, label, guess)
            except Invalid:
                # What was said before stays said, whatever has become of its class since.
                if statements.is_known(id):
                    return _known(id, project, image_id), False
                raise
            annotation = Annotation(
                id=id, project=project, image_id=image_id, kind=kind, label_id=None if label is None else _id(label),
                author=author, source=source, seconds=None if seconds is None else min(seconds, LONGEST_LOOK),
                guess_id=None if guess is None else _id(guess), confidence=confidence, model_number=model_version,
            )
            if not statements.insert(annotation):
                return _known(id, project, image_id), False
            if kind != Kind.CLEAR:
                statements.let_stand(annotation, is_audit)
                statements.drop_lease(image_id)
            else:
                statements.take_back(image_id)
                if author is not None and client:
                    hold(project=project, image_id=image_id, is_audit=is_audit, user=author, client=client)
    except IntegrityError as error:
        raise Conflict(VANISHED) from error
    return annotation, True


def _known(id: UUID, project: Project, image_id: int) -> Annotation:
    """What came before with this id. Raises Conflict when it was about something else."""
    before = Annotation.objects.select_related("author").get(id=id)
    if before.image_id != image_id or before.project_id != project.pk:
        raise Conflict(REUSED, field="id")
    return before


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


def _check_labels(project: Project, label: Label | int | None, guess: Label | int | None) -> None:
    """Both must be classes of this project, and the chosen one must be in use."""
    wanted = {field: _id(value) for field, value in (("label", label), ("guess", guess)) if value is not None}
    found = statements.labels_of(project.pk, set(wanted.values())) if wanted else {}
    for field, label_id in wanted.items():
        if label_id not in found:
            raise Invalid(f"This project has no such class: {field} must be the id of one of its classes.", field=field)
        name, archived = found[label_id]
        if archived and field == "label":
            raise Invalid(f"The class '{name}' has been archived: choose another one.", field="label")


def _id(row: Image | Label | int) -> int:
    return row if isinstance(row, int) else row.pk
