"""What is trained on, computed once and kept on disk: pixels, or the activations where the network is cut.

Files of plain numbers, mapped into memory, so that a thousand images cost no memory to speak of, and a run that was
killed goes on with what is there.
"""

import os
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from mlcore.edge.preprocess import Pixels, Source, UnreadableImage, load_rgb, to_input
from mlcore.types import Ints

# Images that are computed together. Fixed, so that a run that goes on computes the same numbers.
BLOCK = 16
# What must stay free on the disk besides, in bytes: others write there too.
SPARE = 200_000_000
# The largest number of half precision.
_MOST = 65504.0

MISSING, THERE, UNREADABLE = 0, 1, 2


class NoRoom(Exception):
    """The disk is too small; the message says how much is needed."""


@dataclass(frozen=True)
class Look:
    """What pixels become before the network: side in pixels, and (x - mean) / scale on 0-255."""

    size: int
    mean: tuple[float, float, float]
    scale: tuple[float, float, float]

    def __call__(self, pixels: torch.Tensor) -> torch.Tensor:
        """uint8 (n, s, s, 3) to float32 (n, 3, s, s), channels last in memory."""
        mean = torch.tensor(self.mean, device=pixels.device)
        scale = torch.tensor(self.scale, device=pixels.device)
        return ((pixels.float() - mean) / scale).permute(0, 3, 1, 2)


class Inputs:
    """n pictures in `views` ways (0 as it is, 1 mirrored), ready for what is trained.

    With a trunk its activations are kept, in half precision: of every view. Without one (None) the pixels are kept, and
    mirrored when they are asked for.
    """

    def __init__(
        self, folder: Path, pictures: Sequence[Source], *, look: Look, views: int, trunk: nn.Module | None,
        device: torch.device,
    ) -> None:
        self._pictures, self._look, self._trunk, self._device = pictures, look, trunk, device
        self._views = 1 if trunk is None else views
        self._shape = _shape_of(trunk, look, device)
        self._type = np.dtype(np.uint8 if trunk is None else np.float16)
        self._folder = folder

    @property
    def bytes_needed(self) -> int:
        """On disk, for all pictures."""
        return len(self._pictures) * self._views * int(np.prod(self._shape)) * self._type.itemsize

    @property
    def looks(self) -> int:
        """How often a picture is computed at most: pictures times kept views."""
        return len(self._pictures) * self._views

    @property
    def filled(self) -> int:
        """How many of these looks an earlier run has left."""
        _, state = self._open("r")
        return int((state != MISSING).sum()) * self._views

    def make_room(self) -> None:
        """Reserve the files, unless they are there already. Raises NoRoom."""
        self._folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(self._folder).free
        if not self._values_path.exists() and self.bytes_needed + SPARE > free:
            raise NoRoom(
                f"The disk is too small: {self.bytes_needed / 1e9:.1f} GB are needed for a while, and "
                f"{max(0.0, free - SPARE) / 1e9:.1f} GB are free. Make room and try again."
            )
        _reserve(self._values_path, self.bytes_needed)
        _reserve(self._state_path, len(self._pictures))

    def fill(
        self, *, share: int = 0, shares: int = 1, threads: int = 1, seen: Callable[[int], None], stop: Callable[[], bool]
    ) -> bool:
        """Compute what is missing of this share of the blocks. `seen(k)` after k new looks. True when `stop()` ended it."""
        values, state = self._open("r+")
        starts = range(share * BLOCK, len(self._pictures), shares * BLOCK)
        with ThreadPoolExecutor(threads) as readers:
            for start in starts:
                rows = range(start, min(start + BLOCK, len(self._pictures)))
                if (state[rows.start : rows.stop] == MISSING).any():
                    read = list(readers.map(self._read, rows))
                    good = [row for row, pixels in zip(rows, read, strict=True) if pixels is not None]
                    if good:
                        self._compute(values, good, np.stack([pixels for pixels in read if pixels is not None]))
                    state[rows.start : rows.stop] = [UNREADABLE if pixels is None else THERE for pixels in read]
                    seen(len(rows) * self._views)
                if stop():
                    return True
        return False

    def readable(self) -> Ints:
        """Rows of the pictures that could be read; call it when all are filled."""
        _, state = self._open("r")
        return np.flatnonzero(state == THERE).astype(np.int64)

    def batch(self, rows: Ints, views: Ints) -> torch.Tensor:
        """float32 (n, C, h, w) on the device, channels last in memory: each row in its view."""
        values, _ = self._open("r")
        if self._trunk is None:
            pixels = np.asarray(values[rows, 0])
            mirrored = views == 1
            pixels[mirrored] = pixels[mirrored][:, :, ::-1]
            return self._look(torch.from_numpy(pixels).to(self._device))
        return torch.from_numpy(np.asarray(values[rows, views])).to(self._device).float().permute(0, 3, 1, 2)

    def _read(self, row: int) -> Pixels | None:
        try:
            return to_input(load_rgb(self._pictures[row], self._look.size), self._look.size)
        except UnreadableImage:
            return None

    def _compute(self, values: npt.NDArray[Any], rows: list[int], pixels: Pixels) -> None:
        if self._trunk is None:
            values[rows, 0] = pixels
            return
        for view in range(self._views):
            seen = pixels if view == 0 else np.ascontiguousarray(pixels[:, :, ::-1])
            with torch.inference_mode():
                maps = self._trunk(self._look(torch.from_numpy(seen).to(self._device)))
            kept = maps.clamp(-_MOST, _MOST).permute(0, 2, 3, 1).to("cpu", torch.float16)
            values[rows, view] = kept.numpy()

    def _open(self, mode: Any) -> tuple[npt.NDArray[Any], npt.NDArray[np.uint8]]:
        n = len(self._pictures)
        values = np.memmap(self._values_path, self._type, mode, shape=(n, self._views, *self._shape))
        return values, np.memmap(self._state_path, np.uint8, mode, shape=(n,))

    @property
    def _values_path(self) -> Path:
        return self._folder / "inputs.bin"

    @property
    def _state_path(self) -> Path:
        return self._folder / "inputs.state"


def _shape_of(trunk: nn.Module | None, look: Look, device: torch.device) -> tuple[int, int, int]:
    """(h, w, C) of one picture's activations."""
    if trunk is None:
        return look.size, look.size, 3
    with torch.inference_mode():
        maps = trunk(torch.zeros(1, 3, look.size, look.size, device=device))
    return int(maps.shape[2]), int(maps.shape[3]), int(maps.shape[1])


def _reserve(path: Path, size: int) -> None:
    """A file of zeros whose room on the disk is really there: a map into a file with holes dies when the disk is full."""
    if path.exists() and path.stat().st_size == size:
        return
    beside = path.with_suffix(".part")
    with beside.open("wb") as file:
        try:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, size)
            else:
                for start in range(0, size, 1 << 20):
                    file.write(bytes(min(1 << 20, size - start)))
        except OSError as error:
            beside.unlink(missing_ok=True)
            raise NoRoom(f"The disk is too small for {size / 1e9:.1f} GB for a while: make room and try again.") from error
    beside.replace(path)
