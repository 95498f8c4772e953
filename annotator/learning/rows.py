"""Images as rows of arrays that grow as images arrive. Knows nothing of the database."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from mlcore.types import Flags, Floats, Ints


@dataclass
class Rows:
    """Images as rows of arrays, in order of arrival: ids, sort keys and store rows (n,), z (n, d) of length 1."""

    ids: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    sort_keys: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    stored: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    z: Floats = field(default_factory=lambda: np.zeros((0, 1), np.float32))

    def __post_init__(self) -> None:
        self._order: Ints | None = None
        self._room = self.z

    def __len__(self) -> int:
        return len(self.ids)

    def find(self, ids: npt.ArrayLike) -> Ints:
        """(k,) int64: the row of each image id, -1 where it is not here."""
        wanted = np.asarray(ids, np.int64)
        if not len(self) or not len(wanted):
            return np.full(len(wanted), -1, np.int64)
        if self._order is None:
            self._order = np.argsort(self.ids, kind="stable")
        place = np.searchsorted(self.ids, wanted, sorter=self._order)
        rows = self._order[np.minimum(place, len(self) - 1)]
        return np.where(self.ids[rows] == wanted, rows, -1)

    def add(self, ids: Ints, sort_keys: Ints, stored: Ints, z: Floats) -> None:
        """Append rows; the room for z grows by halves, so that a trickle of images does not copy it each time."""
        n, more = len(self), len(ids)
        if self._room.shape[1] != z.shape[1] or n + more > len(self._room):
            room = np.empty((n + more + n // 2, z.shape[1]), np.float32)
            room[:n] = self.z
            self._room = room
        self._room[n : n + more] = z
        self.z = self._room[: n + more]
        self.ids = np.concatenate([self.ids, ids])
        self.sort_keys = np.concatenate([self.sort_keys, sort_keys])
        self.stored = np.concatenate([self.stored, stored])
        self._order = None

    def keep(self, kept: Flags) -> None:
        """Drop all other rows."""
        self.ids, self.sort_keys, self.stored = self.ids[kept], self.sort_keys[kept], self.stored[kept]
        self.z = self._room = self.z[kept]
        self._order = None

    def replace(self, z: Floats) -> None:
        """New z (n, d) for the same images; what was written in place of the old keeps its room."""
        if z is not self.z:
            self.z = self._room = z
