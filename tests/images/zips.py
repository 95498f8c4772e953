"""Zips for tests, and the job that takes their images."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable

from annotator.images.chunks import add_chunk
from annotator.images.ingest import open_batch
from annotator.images.models import Import
from annotator.images.tasks import take_archive
from annotator.jobs.models import Job
from annotator.projects.models import Project, User


def zipped(entries: Iterable[tuple[str | zipfile.ZipInfo, bytes]]) -> bytes:
    """The bytes of a zip with these files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, data in entries:
            opened.writestr(name, data)
    return buffer.getvalue()


def uploaded(project: Project, user: User, data: bytes, *, labels_from: str = "", piece: int = 1 << 20) -> Import:
    """An import to which the zip has come, in pieces."""
    batch = open_batch(project=project, source="archive", user=user, labels_from=labels_from, name="photos.zip")
    for offset in range(0, len(data), piece):
        add_chunk(batch=batch, offset=offset, length=len(data), data=data[offset : offset + piece])
    return batch


def make_job(batch: Import) -> Job:
    """The job of an import, waiting."""
    return Job.objects.create(project=batch.project, kind=Job.Kind.IMPORT, params={"import": batch.pk})


def extracted(batch: Import) -> Job:
    """The job of an import, after a worker has had it."""
    job = make_job(batch)
    take_archive(str(job.pk))
    job.refresh_from_db()
    batch.refresh_from_db()
    return job
