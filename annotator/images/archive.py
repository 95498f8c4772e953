"""A zip becomes images: capped in entries, ratio and total; no links, no paths that climb; names are only text."""

from __future__ import annotations

import io
import stat
import zipfile
import zlib
from pathlib import PurePosixPath
from threading import Lock

from django.conf import settings

from annotator.images.bulk import Arrival, ingest_many, taken
from annotator.images.chunks import forget_archive
from annotator.images.folder_labels import class_folder, folder_of
from annotator.images.ingest import close_batch
from annotator.images.models import ArchiveUpload, Import
from annotator.images.parts import Parts
from annotator.jobs.progress import Cancelled, Running
from annotator.projects.errors import DomainError, Invalid, NotFound, TooLarge
from annotator.projects.models import Label
from annotator.projects.setup import labels_named
from mlcore.images import ImageProblem

MOST_ENTRIES = 500_000
# Above this size in total, a zip that unpacks to more than so many times its length is a bomb, not photos.
RATIO_FROM_BYTES = 200_000_000
MOST_RATIO = 100
READ_AHEAD = 1 << 20
_IGNORED_FOLDERS = frozenset({"__MACOSX"})
_IGNORED_NAMES = frozenset({"thumbs.db", "desktop.ini"})


def extract(run: Running) -> None:
    """Take the images of the zip that the job's import received. Goes on where a killed worker stopped.

    Raises Invalid (no zip, or a broken one) and TooLarge (a bomb); what is wrong with single files is listed in the import.
    """
    batch = Import.objects.select_related("project", "created_by").get(pk=run.job.params["import"])
    archive = ArchiveUpload.objects.filter(pk=batch.pk).first()
    if archive is None:
        raise NotFound("The zip of this import is gone: upload it again.")
    try:
        with Parts(archive) as parts:
            _open_and_take(run, batch, parts, archive.length)
    except (DomainError, Cancelled):
        _end(batch, archive)
        raise
    _end(batch, archive)


def _open_and_take(run: Running, batch: Import, parts: Parts, length: int) -> None:
    try:
        with zipfile.ZipFile(io.BufferedReader(parts, READ_AHEAD)) as opened:
            _take(run, batch, opened, length)
    except (zipfile.BadZipFile, NotImplementedError, EOFError) as error:
        raise Invalid(f"This is not a zip that can be read ({error}): make it again.") from error


def _end(batch: Import, archive: ArchiveUpload) -> None:
    """Whatever became of it, the zip will not be read again; its images are stored on their own."""
    close_batch(batch=batch)
    forget_archive(archive)


def _take(run: Running, batch: Import, opened: zipfile.ZipFile, length: int) -> None:
    entries = check_entries(opened.infolist(), length)
    Import.objects.filter(pk=batch.pk).update(expected=len(entries))
    done = taken(batch)
    run.log(f"{len(entries)} files in the zip{f', going on after {done}' if done else ''}.")
    run.step(done, len(entries), "Importing", now=True)
    labels = _labels(batch, entries)
    lock = Lock()
    arrivals = (_arrival(opened, entry, labels, lock) for entry in entries[done:])
    for result in ingest_many(project=batch.project, batch=batch, arrivals=arrivals):
        done += 1
        if result.status == "refused":
            run.log(f"refused: {result.message}")
        run.step(done, len(entries))
        run.stop_if_cancelled()


def check_entries(infos: list[zipfile.ZipInfo], length: int) -> list[zipfile.ZipInfo]:
    """The entries that may be images, in a fixed order. Raises TooLarge for what looks like a bomb, before reading any."""
    entries = sorted((info for info in infos if not _is_ignored(info)), key=lambda info: (info.filename, info.header_offset))
    total = sum(info.file_size for info in entries)
    if len(entries) > MOST_ENTRIES:
        raise TooLarge(f"The zip holds more than {MOST_ENTRIES:,} files: split it.")
    if total > settings.MAX_ARCHIVE_BYTES:
        raise TooLarge(f"The zip unpacks to more than {settings.MAX_ARCHIVE_BYTES:,} bytes: split it.")
    if total > RATIO_FROM_BYTES and total > MOST_RATIO * length:
        raise TooLarge(f"The zip unpacks to more than {MOST_RATIO} times its size, which photos do not: it was not opened.")
    return entries


def _is_ignored(info: zipfile.ZipInfo) -> bool:
    """Folders, and what systems leave behind without anybody's knowledge."""
    parts = PurePosixPath(info.filename.replace("\\", "/")).parts
    return (
        info.is_dir()
        or not parts
        or any(part in _IGNORED_FOLDERS or (part.startswith(".") and part != "..") for part in parts)
        or parts[-1].lower() in _IGNORED_NAMES
    )


def _labels(batch: Import, entries: list[zipfile.ZipInfo]) -> dict[str, Label]:
    if batch.labels_from != "folder":
        return {}
    folders = {folder for entry in entries if (folder := class_folder(entry.filename))}
    return labels_named(project=batch.project, names=sorted(folders))


def _arrival(opened: zipfile.ZipFile, entry: zipfile.ZipInfo, labels: dict[str, Label], lock: Lock) -> Arrival:
    def read() -> bytes:
        _refuse_traps(entry)
        # The zip is one file with one place in it.
        with lock:
            return _read(opened, entry)

    return Arrival(name=entry.filename, read=read, label=labels.get(folder_of(entry.filename)))


def _refuse_traps(entry: zipfile.ZipInfo) -> None:
    """Nothing is ever unpacked to a path from a zip; a file that tries is not a photo that somebody meant to send."""
    name = entry.filename.replace("\\", "/")
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise ImageProblem("link", "This entry of the zip is a link, not a file: put the picture itself into the zip.")
    if name.startswith("/") or ":" in name.split("/")[0] or ".." in name.split("/"):
        raise ImageProblem("path", "This entry's path points outside the zip: make the zip again from a plain folder.")
    if entry.flag_bits & 0x1:
        raise ImageProblem("encrypted", "This entry of the zip is encrypted: make the zip again without a password.")
    if entry.file_size > settings.MAX_FILE_BYTES:
        raise ImageProblem("too_large", f"The file has more than {settings.MAX_FILE_BYTES:,} bytes: save it smaller.")


def _read(opened: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    try:
        with opened.open(entry) as file:
            return file.read(settings.MAX_FILE_BYTES + 1)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError) as error:
        raise ImageProblem("damaged", "This entry of the zip is damaged: make the zip again.") from error
