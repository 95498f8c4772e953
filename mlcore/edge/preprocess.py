"""The one preprocessing: from the bytes of a picture to the pixels that a model sees.

Importing, feature extraction, calibration, the server's answer and the device all go through this
file, so a picture means the same numbers everywhere.
"""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

Pixels = npt.NDArray[np.uint8]
Source = bytes | Path

# Goes into every feature fingerprint and every bundle's manifest: raise it when a pixel may change.
VERSION = 2

INPUT_SIZE = 224

# Readers that are pure decoders. Pillow can also start outside programs (EPS) or read formats that
# nobody imports on purpose; those stay shut. "JPEG" opens the multi-picture files (MPO) of phones too.
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF")

# Pillow's own threshold for a decompression bomb; a 89-megapixel picture takes 270 MB decoded.
MAX_PIXELS = 89_478_485

# What Pillow's readers raise on a damaged file (found by feeding them damaged files).
DECODE_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    EOFError,
    IndexError,
    KeyError,
    OverflowError,
    ZeroDivisionError,
    NotImplementedError,
    struct.error,
    zlib.error,
)

_ORIENTATION_TAG = 0x0112
_WHITE_TAGS = (281, 341)  # MaxSampleValue, SMaxSampleValue
_BITS_TAG = 258
# Where an opened picture of 16-bit grey keeps the white level that its file declares.
_WHITE = "white"
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class UnreadableImage(ValueError):
    """A picture that cannot be used; ``code`` is for programs, ``message`` is a sentence with the mend."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def open_image(source: Source, *, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """Open a picture lazily: the header is read and checked, the pixels are not decoded yet.

    Raises UnreadableImage with code ``missing``, ``empty``, ``not_an_image`` or ``too_large``.
    """
    if isinstance(source, Path):
        path = source
        try:
            source = path.read_bytes()
        except OSError as problem:
            raise UnreadableImage(
                "missing",
                f"The file {path.name} cannot be read ({problem.strerror}); check its path and rights.",
            ) from problem
    if not source:
        raise UnreadableImage("empty", "The file is empty (0 bytes); save or upload it again.")
    too_large = UnreadableImage(
        "too_large", f"The picture has more than {max_pixels:,} pixels; scale it down and try again."
    )
    try:
        image = Image.open(io.BytesIO(source), formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as problem:
        raise too_large from problem
    except DECODE_ERRORS as problem:
        raise UnreadableImage(
            "not_an_image",
            "The file is not a picture in JPEG, PNG, WebP, BMP, TIFF or GIF format; convert it first.",
        ) from problem
    if image.width * image.height > max_pixels:
        raise too_large
    if image.mode.startswith("I"):
        white = _declared_white(image, source)
        if white is not None:
            image.info[_WHITE] = white
    return image


def to_rgb(image: Image.Image) -> Image.Image:
    """Give any picture as 8-bit RGB, turned upright by its EXIF orientation.

    Transparent parts are laid over white; grey of 16 bits is scaled to 0-255 from 0 to its white (see ``_white``),
    floating point from 0-1 (or 0-255 when it goes beyond 1); of an animation the current (first) frame is taken.
    Colour profiles are not applied: a camera's frames on the device carry none, and what a model was taught must look
    as what it is asked. Raises UnreadableImage when the pixels cannot be decoded (code ``damaged``) or the colour space
    is unknown (``colour_space``).
    """
    try:
        # Pixels first: Pillow turns TIFF files by itself while it decodes, and then drops their tag.
        image.load()
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as problem:
        raise UnreadableImage("too_large", "The picture has too many pixels; scale it down and try again.") from problem
    except DECODE_ERRORS as problem:
        raise UnreadableImage(
            "damaged", "The picture is damaged or cut off, so it cannot be decoded; save or upload it again."
        ) from problem
    turn = _TURNS.get(_orientation(image))
    if turn is not None:
        image = image.transpose(turn)
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode == "F" or image.mode.startswith("I"):
        return Image.fromarray(_to_8_bit(image)).convert("RGB")
    try:
        if image.has_transparency_data:
            rgba = image.convert("RGBA")
            white = Image.new("RGBA", rgba.size, "white")
            return Image.alpha_composite(white, rgba).convert("RGB")
        return image.convert("RGB")
    except ValueError as problem:
        raise UnreadableImage(
            "colour_space", f"The colour space {image.mode} is not supported; save the picture as RGB."
        ) from problem


def load_rgb(source: Source, size: int | None = INPUT_SIZE, *, max_pixels: int = MAX_PIXELS) -> Pixels:
    """Decode a picture to uint8 (H, W, 3), RGB and upright.

    With ``size`` given, a JPEG is decoded at a half, quarter or eighth of its size as long as the
    short side keeps at least ``2 * size`` pixels: several times faster, and after ``to_input`` the
    same picture to within a grey level. ``size=None`` decodes every pixel.
    Raises UnreadableImage.
    """
    image = open_image(source, max_pixels=max_pixels)
    if size is not None:
        # Pillow keeps both sides at or above what is asked for; a no-op on anything but JPEG.
        image.draft(None, (2 * size, 2 * size))
    return np.asarray(to_rgb(image))


def to_input(image: Pixels, size: int = INPUT_SIZE) -> Pixels:
    """Stretch RGB uint8 (H, W, 3) to (size, size, 3), bilinear and antialiased as Pillow does it."""
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ValueError(f"image must be uint8 (H, W, 3), not {image.dtype} {image.shape}; load it with load_rgb.")
    if image.shape[:2] == (size, size):
        return np.ascontiguousarray(image)
    return _shrunk(Image.fromarray(image), size)


def load_input(source: Source, size: int = INPUT_SIZE, *, max_pixels: int = MAX_PIXELS) -> Pixels:
    """``to_input(load_rgb(source, size), size)`` without the copies between the two. Raises UnreadableImage."""
    image = open_image(source, max_pixels=max_pixels)
    image.draft(None, (2 * size, 2 * size))
    return _shrunk(to_rgb(image), size)


def _shrunk(image: Image.Image, size: int) -> Pixels:
    """``to_input`` of a picture in mode RGB that Pillow still holds."""
    return np.array(image.resize((size, size), Image.Resampling.BILINEAR))


def _orientation(image: Image.Image) -> int:
    """Read the EXIF orientation, 1 (upright) when there is none or it is damaged."""
    try:
        value = image.getexif().get(_ORIENTATION_TAG, 1)
    except DECODE_ERRORS:
        return 1
    return value if isinstance(value, int) else 1


def _to_8_bit(image: Image.Image) -> Pixels:
    """Scale grey levels of 16 or 32 bits or floating point, (H, W), to uint8."""
    values = np.nan_to_num(np.asarray(image).astype(np.float64))
    return np.clip(np.rint(values * (255.0 / _white(image, values))), 0, 255).astype(np.uint8)


def _white(image: Image.Image, values: npt.NDArray[np.float64]) -> float:
    """The level that means white.

    Of 16-bit grey it is what the file says. Where it says nothing: many cameras put 12 bits into a file of 16, and taken
    as 16 their pictures would be black; so it is 4095 where nothing is above, unless the levels go in steps of 16 or 257,
    as 12 and 8 bits do that were scaled up to 16: such a picture is dark and stays dark.
    """
    highest = values.max(initial=0.0)
    if image.mode == "F":
        return 1.0 if highest <= 1.0 else 255.0
    declared = image.info.get(_WHITE)
    if isinstance(declared, int) and highest <= declared:
        return float(declared)
    if highest > 4095:
        return 65535.0
    if image.mode == "I" and highest <= 255:
        return 255.0
    scaled_up = any(not np.any(values % step) for step in (16, 257))
    return 65535.0 if scaled_up else 4095.0


def _declared_white(image: Image.Image, data: bytes) -> int | None:
    """The white level that a PNG (by its sBIT chunk) or a TIFF (by its tags) of 16-bit grey tells; None where it does not.

    A PNG with an sBIT chunk holds its fewer bits scaled up to 16. A TIFF's largest sample is its white only when it is
    all ones: some programs write the largest that happens to occur.
    """
    if image.format == "PNG":
        return 65535 if _has_sbit(data) else None
    for tag in (_BITS_TAG, *_WHITE_TAGS):
        value = _number_in(image, tag)
        if tag == _BITS_TAG and value is not None:
            value = (1 << value) - 1 if 8 < value < 16 else None
        if value is not None and 255 < value <= 65535 and value & (value + 1) == 0:
            return value
    return None


def _number_in(image: Image.Image, tag: int) -> int | None:
    """The whole number that a TIFF has at a tag; None where it has none or is damaged."""
    try:
        value = getattr(image, "tag_v2", {}).get(tag)
        first = value[0] if isinstance(value, tuple) else value
        # SMaxSampleValue may be of any type.
        return int(first) if isinstance(first, int | float) else None
    except DECODE_ERRORS:
        return None


def _has_sbit(data: bytes) -> bool:
    """Whether a PNG has the chunk sBIT, which comes before its pixels."""
    place = 8
    while place + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, place)
        if kind in (b"sBIT", b"IDAT"):
            return bool(kind == b"sBIT")
        place += length + 12
    return False
