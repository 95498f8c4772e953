"""Where pictures come from on the command line: files, folders, patterns, a camera."""

import glob
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mlcore.edge.preprocess import Pixels

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif")


class CameraProblem(Exception):
    """The camera cannot be used; the message is a sentence with the mend."""


def find_pictures(word: str) -> list[Path]:
    """The pictures that one word of the command line means, in the order of their names.

    A folder gives every picture in it and below it, a pattern (``*.jpg``, ``**/*.png``) what it
    matches; any other word is taken as the path of a file, whether it exists or not.
    """
    path = Path(word)
    if path.is_dir():
        return sorted(one for one in path.rglob("*") if one.suffix.lower() in SUFFIXES and one.is_file())
    if not path.exists() and glob.has_magic(word):
        # A pattern may be absolute, which Path.glob does not take.
        return sorted(Path(one) for one in glob.iglob(word, recursive=True) if Path(one).is_file())  # noqa: PTH207
    return [path]


def open_cv(who: str) -> Any:
    """OpenCV, which ``who`` needs. Raises CameraProblem where it is not installed."""
    try:
        import cv2
    except ImportError as problem:
        raise CameraProblem(f"{who} needs OpenCV, which is not installed: pip install opencv-python-headless") from problem
    return cv2


def frames(number: int | str, limit: int | None = None) -> Iterator[Pixels]:
    """Yield RGB frames (H, W, 3) of camera ``number``, for ever or ``limit`` times. Raises CameraProblem."""
    cv2 = open_cv("The camera")
    camera: Any = cv2.VideoCapture(number)
    try:
        if not camera.isOpened():
            raise CameraProblem(f"Camera {number} cannot be opened; check the cable, the number and your rights.")
        seen = 0
        while limit is None or seen < limit:
            worked, frame = camera.read()
            if not worked:
                raise CameraProblem(f"Camera {number} stopped giving pictures; check the cable.")
            seen += 1
            yield np.ascontiguousarray(frame[:, :, ::-1])
    finally:
        camera.release()
