"""What a file is before anything trusts it: sniffed by its bytes, decoded under a pixel cap, refused with a reason."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from mlcore.edge.preprocess import DECODE_ERRORS, MAX_PIXELS, Source, open_image, to_rgb
from mlcore.edge.preprocess import UnreadableImage as ImageProblem

__all__ = ["MAX_PIXELS", "MIN_SIDE", "ImageInfo", "ImageProblem", "inspect", "open_rgb"]

# Below this there is nothing to see; it is also the smallest side that every reader and backbone survives.
MIN_SIDE = 8

_ORIENTATION_TAG = 0x0112

# The first bytes of formats that people do try, and the name to call them by. None of them is opened: SVG is a
# program, the others need readers that Pillow does not carry everywhere.
_FOREIGN = (
    (b"%PDF", "PDF"),
    (b"8BPS", "Photoshop"),
    (b"PK\x03\x04", "ZIP"),
    (b"\x1f\x8b", "gzip"),
    (b"\x00\x00\x01\x00", "icon"),
    (b"\x00\x00\x00\x0cjP  ", "JPEG 2000"),
    (b"\xffO\xffQ", "JPEG 2000"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\x00\x00\x00\x0cJXL ", "JPEG XL"),
    (b"DICM", "DICOM"),
    (b"FUJIFILMCCD-RAW", "camera raw"),
)
_OWN = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"BM", b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+", b"GIF8")


@dataclass(frozen=True)
class ImageInfo:
    """What is known of a file that can be used: sizes in pixels as seen upright, frames 1 unless it is animated."""

    format: str
    width: int
    height: int
    mode: str
    sha256: str
    frames: int


def inspect(data: bytes, *, max_pixels: int = MAX_PIXELS) -> ImageInfo:
    """Decode a file once to prove that it can be used, and describe it.

    Raises ImageProblem with a code (empty, not_an_image, unsupported, too_large, too_small, truncated, damaged,
    colour_space) and a sentence that says how to mend it.
    """
    image = _open(data, max_pixels)
    stored, form, mode = image.size, image.format or "", image.mode
    frames = _frames(image)
    # An eighth of the size still reads every byte of a JPEG, so a cut is seen for a fraction of the work.
    image.draft(None, (max(1, stored[0] // 8), max(1, stored[1] // 8)))
    reduced = image.size != stored
    upright = _decode(image)
    width, height = upright.size
    if reduced:
        width, height = stored[::-1] if _is_on_its_side(image) else stored
    return ImageInfo(
        format="JPEG" if form == "MPO" else form,
        width=width,
        height=height,
        mode=mode,
        sha256=hashlib.sha256(data).hexdigest(),
        frames=frames,
    )


def open_rgb(source: Source, *, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """Every pixel of a picture as 8-bit RGB, upright; of an animation the first frame. Raises as inspect does."""
    if isinstance(source, Path):
        source = _read(source)
    return _decode(_open(source, max_pixels))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as problem:
        raise ImageProblem(
            "missing", f"The file {path.name} cannot be read ({problem.strerror}); check its path and rights."
        ) from problem


def _open(data: bytes, max_pixels: int) -> Image.Image:
    foreign = _foreign(data)
    if foreign:
        raise ImageProblem("unsupported", f"{foreign} files are not supported; save the picture as JPEG or PNG.")
    try:
        image = open_image(data, max_pixels=max_pixels)
    except ImageProblem as problem:
        if problem.code == "not_an_image" and _is_ours(data):
            raise ImageProblem(
                "damaged", "The picture's header is damaged or cut off; save or upload the file again."
            ) from problem
        if problem.code == "not_an_image" and _is_text(data):
            raise ImageProblem(
                "not_an_image", "The file holds text, whatever its name says; choose a JPEG, PNG, WebP, BMP or TIFF."
            ) from problem
        raise
    if min(image.size) < MIN_SIDE:
        raise ImageProblem(
            "too_small",
            f"The picture is {image.width} x {image.height} pixels; each side needs at least {MIN_SIDE}.",
        )
    return image


def _decode(image: Image.Image) -> Image.Image:
    try:
        return to_rgb(image)
    except ImageProblem as problem:
        if problem.code == "damaged" and "truncated" in str(problem.__cause__):
            raise ImageProblem("truncated", "The file ends before the picture does; copy or upload it again.") from problem
        raise


def _is_on_its_side(image: Image.Image) -> bool:
    """Whether the EXIF orientation of a JPEG swaps width and height."""
    try:
        return image.getexif().get(_ORIENTATION_TAG) in (5, 6, 7, 8)
    except DECODE_ERRORS:
        return False


def _frames(image: Image.Image) -> int:
    try:
        return int(getattr(image, "n_frames", 1))
    except DECODE_ERRORS:
        # A later frame is broken; only the first is ever used.
        return 1


def _is_ours(data: bytes) -> bool:
    return data.startswith(_OWN) or (data[:4] == b"RIFF" and data[8:12] == b"WEBP")


def _is_text(data: bytes) -> bool:
    head = data[:512]
    return b"\x00" not in head and sum(byte >= 32 or byte in b"\t\r\n" for byte in head) >= 0.95 * len(head)


def _foreign(data: bytes) -> str | None:
    """The name of a known format that is not read here, or None."""
    if data[4:8] == b"ftyp":
        return "HEIC" if data[8:12] in (b"heic", b"heix", b"mif1", b"msf1", b"hevc") else "AVIF or video"
    if data[128:132] == b"DICM":
        return "DICOM"
    start = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith(b"<svg") or (start.startswith((b"<?xml", b"<!doctype svg", b"<!--")) and b"<svg" in start):
        return "SVG"
    return next((name for magic, name in _FOREIGN if data.startswith(magic)), None)
