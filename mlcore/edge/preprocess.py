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
VERSION = 1

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
    return image


def to_rgb(image: Image.Image) -> Image.Image:
    """Give any picture as 8-bit RGB, turned upright by its EXIF orientation.

    Transparent parts are laid over white; 16-bit grey is scaled to 0-255 from 0-65535, or from 0-4095
    where nothing is above, floating point from 0-1 (or 0-255 when it goes beyond 1); CMYK is converted
    without its colour profile; of an animation the current (first) frame is taken. Raises UnreadableImage when the pixels
    cannot be decoded (code ``damaged``) or the colour space is unknown (``colour_space``).
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
    return np.array(Image.fromarray(image).resize((size, size), Image.Resampling.BILINEAR))


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
    highest = float(values.max(initial=0.0))
    if image.mode == "F":
        scale = 255.0 if highest <= 1.0 else 1.0
    elif image.mode == "I" and highest <= 255:
        scale = 1.0
    else:
        # Many cameras put 12 bits into a file of 16; taken as 16 their pictures would be black.
        scale = 255.0 / (4095.0 if highest <= 4095 else 65535.0)
    return np.clip(np.rint(values * scale), 0, 255).astype(np.uint8)
