"""Pictures made on the spot: different for each number, so that none is a duplicate."""

from __future__ import annotations

import io
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image


def picture(number: int = 0, size: tuple[int, int] = (48, 32), mode: str = "RGB") -> Image.Image:
    """A gradient whose colours depend on the number."""
    image = Image.linear_gradient("L").resize(size)
    other = image.rotate(180).point([(value + 37 * number + number // 7) % 256 for value in range(256)])
    merged = Image.merge("RGB", (image, other, Image.new("L", size, number % 256)))
    return merged.convert(mode)


def encoded(image: Image.Image, format: str = "JPEG", **options: Any) -> bytes:
    """The bytes of a file of that format."""
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def jpeg(number: int = 0, *, name: str = "photo.jpg", size: tuple[int, int] = (48, 32)) -> SimpleUploadedFile:
    """A small photo as a browser sends it."""
    return SimpleUploadedFile(name, encoded(picture(number, size)), content_type="image/jpeg")
