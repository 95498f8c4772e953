"""An image comes in: looked at, hashed, stored once, put aside for the judge or not. Files first, the row last."""

from __future__ import annotations

import hashlib
import unicodedata
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F
from django.dispatch import Signal

from annotator.images import files
from annotator.images.models import Image, Import, ImportProblem
from annotator.images.thumbnails import Prepared, prepare
from annotator.projects.errors import Conflict
from annotator.projects.models import Label, Project, User
from mlcore.images import ImageProblem

LONGEST_NAME = 400
DUPLICATE = "This project already has this picture, as '{name}'; it is not stored twice."
TOO_MANY_BYTES = "The file has {size:,} bytes; at most {most:,} are taken: save it smaller."

# Sent with `image`, `label` and `user` when an image has come with its class; `labelling` listens, in the same transaction.
came_labelled = Signal()


@dataclass(frozen=True)
class Ingested:
    """What became of a file: stored, duplicate (`image` is the one that was there), or refused (why: `code`, `message`)."""

    status: str
    image: Image | None = None
    code: str = ""
    message: str = ""


def open_batch(
    *, project: Project, source: str, user: User | None, expected: int = 0, labels_from: str = "", name: str = ""
) -> Import:
    """Begin an import, to which images are then added one by one."""
    return Import.objects.create(
        project=project, source=source, created_by=user, expected=expected, labels_from=labels_from,
        name=clean_name(name)[:200] if name else "",
    )


def close_batch(*, batch: Import) -> Import:
    """End an import: nothing can be added to it any more."""
    Import.objects.filter(pk=batch.pk).update(state=Import.State.CLOSED)
    batch.refresh_from_db()
    return batch


def require_open(batch: Import) -> None:
    """Raise Conflict when an import has been closed."""
    if batch.state != Import.State.OPEN:
        raise Conflict("This import is closed: start a new one.", field="import")


def ingest_image(*, project: Project, batch: Import, name: str, data: bytes, label: Label | None = None) -> Ingested:
    """Take one file. Refusals are answers, not errors; raises NoSpace when the disk is full, with nothing half-done."""
    return keep(project=project, batch=batch, name=name, data=data, look=examine(data), label=label)


def examine(data: bytes) -> Prepared | ImageProblem:
    """Everything about a file that needs no database: it may run on another thread."""
    if len(data) > settings.MAX_FILE_BYTES:
        message = TOO_MANY_BYTES.format(size=len(data), most=settings.MAX_FILE_BYTES)
        return ImageProblem("too_large", message)
    try:
        return prepare(data, max_pixels=settings.MAX_PIXELS)
    except ImageProblem as problem:
        return problem


def keep(
    *, project: Project, batch: Import, name: str, data: bytes, look: Prepared | ImageProblem, label: Label | None = None,
    seems_new: bool = False, chosen: bool = False,
) -> Ingested:
    """Store what `examine` found, and count it in the import, all in one transaction.

    `seems_new`: the caller knows that the project lacked it a moment ago, so it is not looked up; still only one is stored.
    `chosen`: somebody picked it for being hard, so it is never put aside: the judge's images stand for all others.
    """
    name = clean_name(name)
    if isinstance(look, ImageProblem):
        return _refuse(batch, name, look)
    known = None if seems_new else Image.objects.filter(project=project, sha256=look.sha256).first()
    if known is None or not files.complete(known):
        files.put_image(
            project_id=project.pk, sha256=look.sha256, format=look.format, data=data, display=look.display, thumb=look.thumb
        )
    if known is None:
        try:
            return _store(project, batch, name, len(data), look, label, chosen)
        except IntegrityError:
            # The same picture came twice at once, and the other was quicker.
            known = Image.objects.get(project=project, sha256=look.sha256)
    return _duplicate(batch, known, label)


def keep_known(*, project: Project, batch: Import, sha256: str, label: Label | None = None) -> Ingested | None:
    """The same for a file whose hash is here already, without another look; None when it is not here, or not whole."""
    known = Image.objects.filter(project=project, sha256=sha256).first()
    if known is None or not files.complete(known):
        return None
    return _duplicate(batch, known, label)


def _store(
    project: Project, batch: Import, name: str, size: int, look: Prepared, label: Label | None, chosen: bool
) -> Ingested:
    is_audit, sort_key = lot(project.pk, look.sha256, project.audit_fraction)
    with transaction.atomic():
        image = Image.objects.create(
            project=project, batch=batch, sha256=look.sha256, name=name, format=look.format, size=size,
            width=look.width, height=look.height, display=look.display[0] if look.display else "",
            is_audit=is_audit and not chosen, sort_key=sort_key,
        )
        if label is not None:
            came_labelled.send(Image, image=image, label=label, user=batch.created_by)
        _count(batch, "stored")
    return Ingested("stored", image)


def _duplicate(batch: Import, known: Image, label: Label | None) -> Ingested:
    with transaction.atomic():
        if label is not None:
            came_labelled.send(Image, image=known, label=label, user=batch.created_by)
        _count(batch, "duplicates")
    return Ingested("duplicate", known, "duplicate", DUPLICATE.format(name=known.name))


def _refuse(batch: Import, name: str, problem: ImageProblem) -> Ingested:
    with transaction.atomic():
        ImportProblem.objects.create(batch=batch, name=name, code=problem.code[:30], message=problem.message[:300])
        _count(batch, "refused")
    return Ingested("refused", None, problem.code, problem.message)


def _count(batch: Import, field: str) -> None:
    changes: dict[str, Any] = {field: F(field) + 1}
    Import.objects.filter(pk=batch.pk).update(**changes)


def lot(project_id: int, sha256: str, audit_fraction: float) -> tuple[bool, int]:
    """Whether an image is put aside for the judge, and its place in the fixed order: both from its hash, so repeatable."""
    digest = hashlib.sha256(f"{project_id}:{sha256}".encode()).hexdigest()
    return int(digest[:8], 16) / 2**32 < audit_fraction, int(digest[8:16], 16) >> 1


def clean_name(name: str) -> str:
    """A name from outside as text to show: one line, forward slashes, no control characters; never a path of ours."""
    shown = "".join(c if unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Co"} else "" for c in name.replace("\\", "/"))
    parts = [part for part in shown.split("/") if part.strip() not in {"", ".", ".."}]
    return "/".join(parts)[-LONGEST_NAME:] or "unnamed"
