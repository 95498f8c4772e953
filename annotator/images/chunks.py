"""A zip arrives in pieces: each is added where the last one ended, so an upload goes on after any break."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from annotator.images import files
from annotator.images.ingest import require_open
from annotator.images.models import ArchivePart, ArchiveUpload, Import
from annotator.projects.errors import Conflict, Invalid, TooLarge

CHUNK_BYTES = 32_000_000
# An upload that nobody went on with for so long is given up.
PATIENCE = timedelta(days=7)
MOST_PARTS = 20_000


class WrongOffset(Conflict):
    """The piece does not begin where the last one ended; `offset` says where that is."""

    def __init__(self, offset: int) -> None:
        super().__init__(f"The next piece begins at byte {offset}: send it from there.", field="Upload-Offset")
        self.offset = offset


def add_chunk(*, batch: Import, offset: int, length: int, data: bytes) -> ArchiveUpload:
    """Add the piece of a zip of `length` bytes that begins at `offset`. Complete when the answer's offset is its length.

    Raises WrongOffset, Invalid, TooLarge, NoSpace; after any of them nothing has changed.
    """
    require_open(batch)
    if batch.source != Import.Source.ARCHIVE:
        raise Conflict("This import takes single files: start one with source 'archive' for a zip.", field="source")
    if not data:
        raise Invalid("The piece is empty: send the bytes of the zip.", field="body")
    if length > settings.MAX_ARCHIVE_BYTES:
        raise TooLarge(f"A zip may have at most {settings.MAX_ARCHIVE_BYTES:,} bytes: split it.", field="Upload-Length")
    if offset + len(data) > length:
        raise Invalid("The piece goes beyond the end: check Upload-Length.", field="Upload-Length")
    archive, begun = ArchiveUpload.objects.get_or_create(batch=batch, defaults={"length": length})
    if begun:
        forget_abandoned()
    _check(archive, offset, length)
    if archive.parts.count() >= MOST_PARTS:
        raise TooLarge(f"The zip came in more than {MOST_PARTS:,} pieces: send larger ones.", field="body")
    path = files.part_path(batch.pk, offset)
    files.put(path, data)
    try:
        with transaction.atomic():
            archive = ArchiveUpload.objects.select_for_update().get(pk=batch.pk)
            _check(archive, offset, length)
            ArchivePart.objects.create(archive=archive, offset=offset, length=len(data), path=path)
            archive.offset = offset + len(data)
            archive.save(update_fields=["offset"])
    except WrongOffset:
        # The same piece came twice at once, and the other was quicker.
        files.delete(path)
        raise
    return archive


def forget_archive(archive: ArchiveUpload) -> None:
    """Delete the pieces of a zip once its images are in."""
    paths = list(archive.parts.values_list("path", flat=True))
    archive.delete()
    for path in paths:
        files.delete(path)


def forget_abandoned() -> None:
    """Delete the pieces of uploads that were begun long ago and never completed."""
    long_ago = timezone.now() - PATIENCE
    for archive in ArchiveUpload.objects.filter(batch__created_at__lt=long_ago, offset__lt=F("length")):
        forget_archive(archive)


def _check(archive: ArchiveUpload, offset: int, length: int) -> None:
    if archive.length != length:
        raise Conflict(f"This upload was begun as {archive.length} bytes: Upload-Length must say so.", field="Upload-Length")
    if archive.offset != offset:
        raise WrongOffset(archive.offset)
