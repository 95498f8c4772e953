"""Features on disk, found by the hash of the image's bytes: computed once, whatever project or database asks."""

import fcntl
import json
import mmap
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mlcore.key_index import KEY_BYTES, KeyIndex, as_keys

FLOAT16_MAX = 65504.0
# Keys looked up at a time, and rows read at a time, after which their pages are given back.
BLOCK = 65_536
MANY_ROWS = 4096


class StoreProblem(Exception):
    """The folder does not hold the features that were asked for; the message says what to do."""


class FeatureStore:
    """Append-only rows of float16 in `root/fingerprint`, one a key.

    Two files grow side by side: `vectors.f16` (dim numbers a row) and `keys.sha256` (32 bytes a row). Vectors reach
    the disk before their keys do, so a row counts only when both are whole: a torn tail left by a killed writer is
    ignored by readers and cut off by the next writer. One writer at a time (a file lock), any number of readers.
    """

    def __init__(self, root: Path, fingerprint: str, dim: int) -> None:
        self.folder = Path(root) / fingerprint
        self.fingerprint = fingerprint
        self.dim = dim
        self._vectors_path = self.folder / "vectors.f16"
        self._keys_path = self.folder / "keys.sha256"
        self._index = KeyIndex()
        self._map: mmap.mmap | None = None
        self._vectors: npt.NDArray[np.float16] = np.zeros((0, dim), np.float16)
        self._prepare()
        self.refresh()

    def __len__(self) -> int:
        return len(self._vectors)

    def refresh(self) -> None:
        """See the rows that other processes have appended since."""
        count = self._whole_rows()
        if count == len(self._vectors):
            return
        known = len(self._vectors) if count > len(self._vectors) else 0
        if not known:
            self._index = KeyIndex()
        with self._keys_path.open("rb") as file:
            file.seek(known * KEY_BYTES)
            raw = file.read((count - known) * KEY_BYTES)
        self._index.add(np.frombuffer(raw, np.uint8).reshape(-1, KEY_BYTES))
        self._map, self._vectors = None, np.zeros((0, self.dim), np.float16)
        if count:
            with self._vectors_path.open("rb") as file:
                self._map = mmap.mmap(file.fileno(), count * self.dim * 2, access=mmap.ACCESS_READ)
            self._vectors = np.frombuffer(self._map, "<f2").reshape(count, self.dim)

    def rows(self, keys: Sequence[str]) -> npt.NDArray[np.int64]:
        """(k,) int64: the row of each key (sha256 in hex), -1 where it is not stored."""
        blocks = [self._index.find(as_keys(list(keys[n : n + BLOCK]))) for n in range(0, len(keys), BLOCK)]
        return np.concatenate(blocks) if blocks else np.zeros(0, np.int64)

    def gather(self, rows: npt.ArrayLike) -> npt.NDArray[np.float32]:
        """(k, dim) float32 for row numbers (k,). Raises IndexError for a row that is not there."""
        wanted = np.asarray(rows, np.int64)
        if wanted.size and (wanted.min() < 0 or wanted.max() >= len(self)):
            raise IndexError(f"Rows must be between 0 and {len(self) - 1}; compute the missing features first.")
        if len(wanted) <= MANY_ROWS:
            return np.asarray(self._vectors[wanted], np.float32)
        found = np.empty((len(wanted), self.dim), np.float32)
        for start in range(0, len(wanted), MANY_ROWS):
            found[start : start + MANY_ROWS] = self._vectors[wanted[start : start + MANY_ROWS]]
            if self._map is not None and hasattr(mmap, "MADV_DONTNEED"):
                # Each page read brings its neighbours along: soon the whole file would be resident.
                self._map.madvise(mmap.MADV_DONTNEED)
        return found

    def append(self, keys: Sequence[str], vectors: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """Store vectors (k, dim) under keys and answer their rows; a key that is already there keeps its first vector.

        Raises ValueError when the shapes disagree, or a number is not finite or beyond float16.
        """
        block = np.asarray(vectors, np.float32)
        if block.shape != (len(keys), self.dim):
            raise ValueError(f"vectors is {block.shape}, expected {(len(keys), self.dim)}.")
        if block.size and not bool((np.abs(block) <= FLOAT16_MAX).all()):
            raise ValueError("vectors holds a number that is not finite or too large for float16.")
        with self._writing():
            self.refresh()
            fresh: dict[str, int] = {}
            for position in np.flatnonzero(self.rows(keys) < 0).tolist():
                fresh.setdefault(keys[position], position)
            if fresh:
                count = len(self)
                chosen = np.fromiter(fresh.values(), np.int64)
                _write_at(self._vectors_path, count * self.dim * 2, block[chosen].astype("<f2").tobytes())
                _write_at(self._keys_path, count * KEY_BYTES, b"".join(bytes.fromhex(key) for key in fresh))
                self.refresh()
        return self.rows(keys)

    def _prepare(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        description = {"fingerprint": self.fingerprint, "dim": self.dim, "dtype": "float16"}
        about = self.folder / "store.json"
        with self._writing():
            if about.exists():
                found = json.loads(about.read_text())
                if found != description:
                    raise StoreProblem(
                        f"{self.folder} holds {found.get('dim')} numbers an image, not {self.dim}: "
                        "delete the folder to compute its features again."
                    )
            else:
                beside = about.with_suffix(".new")
                beside.write_text(json.dumps(description))
                beside.replace(about)
            self._vectors_path.touch()
            self._keys_path.touch()

    def _whole_rows(self) -> int:
        """How many there are. The files are opened for it: on a network file system that is what makes a size current."""
        with self._vectors_path.open("rb") as vectors, self._keys_path.open("rb") as keys:
            sizes = os.fstat(vectors.fileno()).st_size, os.fstat(keys.fileno()).st_size
        return min(sizes[0] // (self.dim * 2), sizes[1] // KEY_BYTES)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with (self.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _write_at(path: Path, offset: int, data: bytes) -> None:
    """Put data at offset, dropping whatever a killed writer left beyond it, and wait for the disk."""
    with path.open("r+b") as file:
        file.truncate(offset)
        file.seek(offset)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
