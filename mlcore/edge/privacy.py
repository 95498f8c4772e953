"""What may leave a device: nothing, numbers, pictures whose faces cannot be recognised, or pictures."""

import io
import threading
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from mlcore.edge.preprocess import Pixels

# From the strictest to the loosest.
NOTHING, FEATURES, BLURRED, IMAGES = LEVELS = ("nothing", "features", "blurred", "images")

# A picture that is sent home is to be labelled and learnt from: more pixels than this help with neither.
LONGEST_SIDE = 1600
JPEG_QUALITY = 90

# Cascades of Haar features (Viola and Jones, 2001; trained by Lienhart) that OpenCV's packages carry.
_CASCADES = ("haarcascade_frontalface_default.xml", "haarcascade_frontalface_alt2.xml", "haarcascade_profileface.xml")
_LOOKED_AT = 640
_SMALLEST_FACE = 24
_MARGIN = 0.2
_MOSAIC = 6

# A cascade keeps notes while it looks.
_one_at_a_time = threading.Lock()


def allowed(level: str) -> tuple[str, str]:
    """What can be kept of this level here, and a sentence that says why it is stricter than asked for (else empty).

    An unknown level is taken as ``nothing``.
    """
    if level not in LEVELS:
        return NOTHING, f"The privacy {level!r} is not known; nothing is kept. Choose one of {', '.join(LEVELS)}."
    if level == BLURRED and not _cascades():
        return FEATURES, (
            "Faces cannot be blurred without OpenCV, so only features are kept: pip install 'opencv-python-headless<5'."
        )
    return level, ""


def stricter(one: str, other: str) -> bool:
    """Whether ``one`` lets less out than ``other``."""
    return LEVELS.index(one) < LEVELS.index(other)


def portable(pixels: Pixels, level: str) -> bytes | None:
    """The picture as it may leave, RGB uint8 (H, W, 3) to a JPEG without metadata; None where none may."""
    if level not in (BLURRED, IMAGES):
        return None
    image = Image.fromarray(pixels)
    image.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    if level == BLURRED:
        image = Image.fromarray(blur_faces(np.asarray(image)))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=JPEG_QUALITY)
    return buffer.getvalue()


def blur_faces(pixels: Pixels) -> Pixels:
    """A copy in which every face that is found, upright or mirrored from the side, is six squares wide.

    What the detector misses stays: it finds most faces that look at the camera, fewer from the side, few from behind glass.
    """
    result = pixels.copy()
    for left, top, right, bottom in find_faces(pixels):
        face = Image.fromarray(result[top:bottom, left:right])
        mosaic = face.resize((_MOSAIC, _MOSAIC), Image.Resampling.BOX).resize(face.size, Image.Resampling.BILINEAR)
        result[top:bottom, left:right] = np.asarray(mosaic)
    return result


def find_faces(pixels: Pixels) -> list[tuple[int, int, int, int]]:
    """Boxes (left, top, right, bottom) around faces with a margin, in pixels; some may overlap, some be no faces."""
    height, width = pixels.shape[:2]
    grey = Image.fromarray(pixels).convert("L")
    grey.thumbnail((_LOOKED_AT, _LOOKED_AT))
    small = np.asarray(grey)
    boxes = []
    with _one_at_a_time:
        for cascade in _cascades():
            boxes += [tuple(map(int, box)) for box in _detect(cascade, small)]
        # The last one knows faces that look to the left.
        for left, top, wide, high in _detect(_cascades()[-1], small[:, ::-1]):
            boxes.append((small.shape[1] - int(left) - int(wide), int(top), int(wide), int(high)))
    across, down = width / small.shape[1], height / small.shape[0]
    found = []
    for left, top, wide, high in boxes:
        more_x, more_y = wide * _MARGIN, high * _MARGIN
        found.append(
            (
                max(0, int((left - more_x) * across)),
                max(0, int((top - more_y) * down)),
                min(width, round((left + wide + more_x) * across)),
                min(height, round((top + high + more_y) * down)),
            )
        )
    return found


def _detect(cascade: Any, grey: Pixels) -> Any:
    return cascade.detectMultiScale(
        np.ascontiguousarray(grey), scaleFactor=1.1, minNeighbors=3, minSize=(_SMALLEST_FACE, _SMALLEST_FACE)
    )


@lru_cache(maxsize=1)
def _cascades() -> tuple[Any, ...]:
    """The detectors; empty without OpenCV, or where its package does not carry them."""
    try:
        import cv2
        import cv2.data

        folder = Path(cv2.data.haarcascades)
    except ImportError:
        return ()
    cascades = tuple(cv2.CascadeClassifier(str(folder / name)) for name in _CASCADES)
    return () if any(cascade.empty() for cascade in cascades) else cascades
