"""Where the bytes of images lie. No other module knows a media path, and no path is made from a name that came from outside.

    originals/<project>/<ab>/<sha256>.<ext>      the bytes as they came
    display/<project>/<ab>/<sha256>.<ext>        at most 1600 pixels, no metadata (absent when the original is shown)
    thumbs/<project>/<ab>/<sha256>.webp          at most 320 pixels
    archives/<import>/<offset>-<random>          pieces of a zip on its way
"""

from __future__ import annotations

import errno
import secrets
from pathlib import Path
from typing import IO, Any

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from annotator.images.models import Image
from annotator.projects.errors import NoSpace, NotFound

EXTENSIONS = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp", "BMP": "bmp", "TIFF": "tif", "GIF": "gif"}
TYPES = {
    "jpg": "image/jpeg", "png": "image/png", "webp": "image/webp",
    "bmp": "image/bmp", "tif": "image/tiff", "gif": "image/gif",
}
FULL = "The server's disk is full: nothing was saved. Free some space and try again."


def put_image(
    *, project_id: int, sha256: str, format: str, data: bytes, display: tuple[str, bytes] | None, thumb: bytes
) -> None:
    """Write the files of one image, whole or not at all; what an earlier try left is used again or replaced.

    Raises NoSpace. Until a row names them, these files are of no consequence.
    """
    original = _path("originals", project_id, sha256, EXTENSIONS[format])
    # The name is the hash of the content, and files appear whole: one that has the right length is the right one.
    if not (default_storage.exists(original) and default_storage.size(original) == len(data)):
        put(original, data)
    if display is not None:
        put(_path("display", project_id, sha256, display[0]), display[1])
    put(_path("thumbs", project_id, sha256, "webp"), thumb)


def original(image: Image) -> bytes:
    """The bytes as they came."""
    return _read(_original_path(image))


def source(image: Image) -> Path | bytes:
    """The original as a path where storage is local, else its bytes: what readers of images take."""
    name = _original_path(image)
    try:
        return Path(default_storage.path(name))
    except NotImplementedError:
        return _read(name)


def local(image: Image, folder: Path) -> Path | None:
    """The original as a file on this machine: fetched into `folder` where storage is elsewhere; None when it is missing."""
    try:
        found = source(image)
    except NotFound:
        return None
    if isinstance(found, Path):
        return found if found.exists() else None
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / image.sha256
    path.write_bytes(found)
    return path


def display(image: Image) -> tuple[bytes, str]:
    """The version for the label page and its content type."""
    if not image.display:
        return original(image), TYPES[EXTENSIONS[image.format]]
    return _read(_path("display", image.project_id, image.sha256, image.display)), TYPES[image.display]


def thumb(image: Image) -> tuple[bytes, str]:
    """The version for grids and its content type."""
    return _read(_path("thumbs", image.project_id, image.sha256, "webp")), TYPES["webp"]


def complete(image: Image) -> bool:
    """Whether the files of an image are all there."""
    return all(default_storage.exists(name) for name in _paths(image))


def remove(image: Image) -> None:
    """Delete the files of an image, unless a row (a new one, perhaps) still names them."""
    if not Image.objects.filter(project=image.project_id, sha256=image.sha256).exists():
        for name in _paths(image):
            default_storage.delete(name)


def remove_project(project_id: int) -> None:
    """Delete the files of all images of a project that is no more."""
    for kind in ("originals", "display", "thumbs"):
        _remove_folder(f"{kind}/{project_id}")


def part_path(import_id: int, offset: int) -> str:
    """A fresh name for one piece of a zip."""
    return f"archives/{import_id}/{offset:015d}-{secrets.token_hex(6)}"


def open_part(path: str) -> IO[bytes]:
    """A piece of a zip, for reading."""
    file: Any = default_storage.open(path)
    return file  # type: ignore[no-any-return]


def delete(path: str) -> None:
    """Delete a file; one that is not there is no error."""
    default_storage.delete(path)


def put(name: str, data: bytes) -> None:
    """Write a file so that it appears whole or not at all, even when the process is killed. Raises NoSpace."""
    try:
        target = Path(default_storage.path(name))
    except NotImplementedError:
        # Object stores make an object appear whole by themselves.
        default_storage.save(name, ContentFile(data))
        return
    unfinished = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            unfinished.write_bytes(data)
            unfinished.replace(target)
        except OSError:
            unfinished.unlink(missing_ok=True)
            raise
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise NoSpace(FULL) from error
        raise


def _original_path(image: Image) -> str:
    return _path("originals", image.project_id, image.sha256, EXTENSIONS[image.format])


def _paths(image: Image) -> list[str]:
    names = [_original_path(image), _path("thumbs", image.project_id, image.sha256, "webp")]
    return [*names, _path("display", image.project_id, image.sha256, image.display)] if image.display else names


def _path(kind: str, project_id: int, sha256: str, extension: str) -> str:
    return f"{kind}/{project_id}/{sha256[:2]}/{sha256}.{extension}"


def _remove_folder(name: str) -> None:
    try:
        folders, names = default_storage.listdir(name)
    except FileNotFoundError:
        return
    for folder in folders:
        _remove_folder(f"{name}/{folder}")
    for file in names:
        default_storage.delete(f"{name}/{file}")
    # An empty folder on a disk; object stores have none, and deleting nothing is no error.
    default_storage.delete(name)


def _read(name: str) -> bytes:
    try:
        with default_storage.open(name) as file:
            data: bytes = file.read()
            return data
    except FileNotFoundError as error:
        raise NotFound("The file of this image is missing: import it again to mend it.") from error
