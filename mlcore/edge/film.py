"""Moving pictures, through OpenCV: a camera's newest frame, and every n-th frame of a film."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mlcore.edge.preprocess import Pixels
from mlcore.edge.sources import CameraProblem, open_cv

# Seconds that a camera may keep silent.
PATIENCE = 10.0


def film_frames(path: Path, every: int = 1) -> Iterator[tuple[int, Pixels]]:
    """Yield (number, RGB frame (H, W, 3)) of a film, numbers from 0, of ``every`` frames the first. Raises CameraProblem."""
    cv2 = open_cv("A film")
    if not path.is_file():
        raise CameraProblem(f"The film {path} is not there; check the path.")
    film: Any = cv2.VideoCapture(str(path))
    try:
        if not film.isOpened():
            raise CameraProblem(f"The film {path} cannot be opened; convert it to MP4 with H.264 first.")
        number = 0
        while film.grab():
            if number % every == 0:
                worked, frame = film.retrieve()
                if worked:
                    yield number, np.ascontiguousarray(frame[:, :, ::-1])
            number += 1
        if not number:
            raise CameraProblem(f"The film {path} has no frame that can be read; convert it to MP4 with H.264 first.")
    finally:
        film.release()


class LiveCamera:
    """A camera read without a pause, so that ``newest`` is what is before it now and not what a buffer still holds.

    ``which`` is a number, a device file or an address (rtsp://...). Raises CameraProblem.
    """

    def __init__(self, which: int | str) -> None:
        cv2 = open_cv("The camera")
        self._which = which
        self._camera: Any = cv2.VideoCapture(which)
        if not self._camera.isOpened():
            self._camera.release()
            raise CameraProblem(f"Camera {which} cannot be opened; check the cable, the number and your rights.")
        self._changed = threading.Condition()
        self._frame: Pixels | None = None
        self._count = 0
        self._open = True
        self._thread = threading.Thread(target=self._read, name="camera", daemon=True)
        self._thread.start()

    def newest(self, after: int = 0, every: int = 1) -> tuple[int, Pixels]:
        """Wait for a frame at least ``every`` after the one numbered ``after``; gives (number from 1, RGB (H, W, 3)).

        Raises CameraProblem when the camera stops or keeps silent.
        """
        with self._changed:
            came = self._changed.wait_for(lambda: not self._open or self._count >= after + every, PATIENCE)
            if not came or not self._open or self._frame is None:
                raise CameraProblem(f"Camera {self._which} stopped giving pictures; check the cable.")
            number, frame = self._count, self._frame
        return number, np.ascontiguousarray(frame[:, :, ::-1])

    def close(self) -> None:
        """Let the camera go."""
        with self._changed:
            self._open = False
            self._changed.notify_all()
        self._thread.join(PATIENCE)

    def _read(self) -> None:
        while self._open:
            worked, frame = self._camera.read()
            with self._changed:
                if worked:
                    self._frame, self._count = frame, self._count + 1
                else:
                    self._open = False
                self._changed.notify_all()
        self._camera.release()
