"""From a picture's file to a network's pixels on the server: the device's own preprocessing, with a quicker reader of JPEG.

simplejpeg hands the whole picture to libjpeg-turbo at once, where Pillow feeds it piece by piece and unpacks each line.
Both ask the library for the same transform, upsampling and scale, so the pixels are the same to the bit, and no fingerprint
names the reader. What it cannot read, or reads with a warning, Pillow reads instead, as it does where simplejpeg is missing.
"""

import importlib.util
from pathlib import Path

from PIL import Image

from mlcore.edge.preprocess import Pixels, Source, UnreadableImage, open_image, orientation, shrunk, to_rgb, upright

HAS_SIMPLEJPEG = importlib.util.find_spec("simplejpeg") is not None

# What both readers turn into RGB alike. CMYK is Pillow's.
_MODES = ("RGB", "L")


def read_input(source: Source, size: int) -> Pixels:
    """`mlcore.edge.preprocess.load_input(source, size)`, quicker: uint8 (size, size, 3). Raises UnreadableImage."""
    return shrunk(decode(source, size), size)[:, :, :3]


def decode(source: Source, size: int) -> Image.Image:
    """The pixels that a square of `size` is made from, upright, in mode RGB or RGBX. Raises UnreadableImage."""
    data = _bytes_of(source)
    image = open_image(data)
    image.draft(None, (2 * size, 2 * size))
    return _by_simplejpeg(data, image) or to_rgb(image)


def _by_simplejpeg(data: bytes, image: Image.Image) -> Image.Image | None:
    """An opened JPEG at the size that it is to be decoded to, in RGBX and upright; None where Pillow should do it."""
    if not HAS_SIMPLEJPEG or image.format not in ("JPEG", "MPO") or image.mode not in _MODES:
        return None
    import simplejpeg

    width, height = image.size
    try:
        # Four bytes a pixel, as Pillow keeps them: it then takes the array as it is.
        pixels = simplejpeg.decode_jpeg(data, "RGBX", min_width=width, min_height=height)
    except ValueError:
        return None
    if pixels.shape[:2] != (height, width):
        return None
    return upright(Image.frombuffer("RGBX", (width, height), pixels, "raw", "RGBX", 0, 1), orientation(image))


def _bytes_of(source: Source) -> bytes:
    if isinstance(source, bytes):
        return source
    try:
        return Path(source).read_bytes()
    except OSError as problem:
        raise UnreadableImage(
            "missing", f"The file {source.name} cannot be read ({problem.strerror}); check its path and rights."
        ) from problem
