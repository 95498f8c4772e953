"""Pictures on their way into an export: read, recognised, and stripped of what must not leave."""

import hashlib
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

from PIL import Image

from mlcore.edge.in_order import in_order
from mlcore.edge.manifest import digest
from mlcore.edge.preprocess import Pixels, UnreadableImage, load_input, load_rgb

Picture = str | Path | bytes

# Longest side of the sample picture in the bundle, in pixels.
SAMPLE_SIDE = 1024

# Pictures decoded at once, beside the network that answers them.
_DECODERS = 2


def to_jpeg(sample: Picture) -> bytes:
    """The sample as a fresh JPEG without metadata: a photo's place and time must not leave with it.

    Raises UnreadableImage.
    """
    image = Image.fromarray(load_rgb(_source(sample), size=None))
    image.thumbnail((SAMPLE_SIDE, SAMPLE_SIDE))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def to_pixels(picture: Picture, size: int) -> Pixels:
    """The picture as the network sees it, uint8 (size, size, 3). Raises UnreadableImage."""
    return load_input(_source(picture), size)


def read_in_order(pictures: Sequence[Picture], size: int) -> Iterator[Pixels | None]:
    """Each picture as the network sees it, None where it cannot be read; decoded a little ahead of what is taken."""

    def read(picture: Picture) -> Pixels | None:
        try:
            return to_pixels(picture, size)
        except UnreadableImage:
            return None

    return in_order(read, pictures, threads=_DECODERS)


def _source(picture: Picture) -> bytes | Path:
    return Path(picture) if isinstance(picture, str) else picture


def content_hash(picture: Picture) -> str:
    """SHA-256 of the file's bytes; of its name where it cannot be read (it is skipped later)."""
    source = _source(picture)
    if isinstance(source, bytes):
        return hashlib.sha256(source).hexdigest()
    return digest(source) if source.is_file() else f"missing {source}"
