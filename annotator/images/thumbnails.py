"""One decode of an arriving file, and from it everything that is shown: no database, so it can run on any thread."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass

from PIL import Image

from annotator.images.clean import is_clean
from mlcore.edge.preprocess import open_image, to_rgb
from mlcore.images import MIN_SIDE, ImageProblem, inspect

DISPLAY_SIDE = 1600
THUMB_SIDE = 320
# An original up to this size is shown as it is when it is clean.
SHOWN_BYTES = 1_000_000
# Drawings and icons up to this many pixels keep every pixel; bigger ones are shown as JPEG.
LOSSLESS_PIXELS = 512 * 512
_LOSSLESS = frozenset({"PNG", "BMP", "TIFF", "GIF"})
_SIDEWAYS = frozenset({5, 6, 7, 8})
_ORIENTATION = 0x0112


@dataclass(frozen=True)
class Prepared:
    """A picture that can be stored: what it is, and its versions as encoded bytes."""

    sha256: str
    format: str
    width: int
    height: int
    display: tuple[str, bytes] | None
    thumb: bytes


@dataclass(frozen=True)
class _Decoded:
    """Pixels (of a JPEG as few as will do) with the format and the upright size of the whole picture."""

    picture: Image.Image
    format: str
    width: int
    height: int
    plain: bool


def prepare(data: bytes, *, max_pixels: int) -> Prepared:
    """Decode once and make the display version (None when the original will do) and the thumbnail.

    Raises ImageProblem with its code and a sentence with the mend.
    """
    try:
        decoded = _decode(data, max_pixels)
    except ImageProblem:
        # The slower look knows more about what people try, and says it better.
        inspect(data, max_pixels=max_pixels)
        raise
    picture, size = decoded.picture, (decoded.width, decoded.height)
    display = None
    if not (decoded.plain and max(size) <= DISPLAY_SIDE and len(data) <= SHOWN_BYTES and is_clean(data, decoded.format)):
        picture.thumbnail((DISPLAY_SIDE, DISPLAY_SIDE), Image.Resampling.BILINEAR, reducing_gap=2.0)
        display = _encode(picture, lossless=decoded.format in _LOSSLESS and size[0] * size[1] <= LOSSLESS_PIXELS)
    picture.thumbnail((THUMB_SIDE, THUMB_SIDE), Image.Resampling.BILINEAR, reducing_gap=2.0)
    return Prepared(
        sha256=hashlib.sha256(data).hexdigest(), format=decoded.format, width=size[0], height=size[1], display=display,
        thumb=_save(picture, "WEBP", quality=78, method=1),
    )


def _decode(data: bytes, max_pixels: int) -> _Decoded:
    image = open_image(data, max_pixels=max_pixels)
    stored, form = image.size, "JPEG" if image.format == "MPO" else str(image.format)
    if min(stored) < MIN_SIDE:
        message = f"The picture is {stored[0]} x {stored[1]} pixels; each side needs at least {MIN_SIDE}."
        raise ImageProblem("too_small", message)
    seen_through = "transparency" in image.info
    shrink = max(1.0, max(stored) / DISPLAY_SIDE)
    image.draft(None, (int(stored[0] / shrink), int(stored[1] / shrink)))
    reduced = image.size != stored
    picture = to_rgb(image)
    orientation = image.getexif().get(_ORIENTATION, 1)
    if not reduced:
        width, height = picture.size
    else:
        width, height = stored[::-1] if orientation in _SIDEWAYS else stored
    plain = orientation == 1 and image.mode in {"RGB", "L"} and not seen_through
    return _Decoded(picture, form, width, height, plain)


def _encode(picture: Image.Image, *, lossless: bool) -> tuple[str, bytes]:
    return ("png", _save(picture, "PNG")) if lossless else ("jpg", _save(picture, "JPEG", quality=88))


def _save(picture: Image.Image, format: str, **options: int) -> bytes:
    # Writers take profiles, comments and EXIF from `info`.
    picture.info = {}
    buffer = io.BytesIO()
    picture.save(buffer, format, **options)
    return buffer.getvalue()
