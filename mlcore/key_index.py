"""Which row a key has, among a million: sorted numbers in place of a million Python strings."""

import numpy as np
import numpy.typing as npt

from mlcore.types import Ints

KEY_BYTES = 32
Keys = npt.NDArray[np.uint8]

# Keys that wait in a dict before all are sorted again: a batch that is added must not sort a million keys.
RECENT = 16_384


class KeyIndex:
    """Rows by 32-byte key, numbered in the order in which they were added; of equal keys the first one counts.

    The keys lie in one array of bytes, and beside it, sorted, 64 bits of each: some 50 bytes a key, where a dict of
    strings takes 200. The newest few thousand are in a dict until they are sorted in.
    """

    def __init__(self) -> None:
        self._keys: Keys = np.zeros((0, KEY_BYTES), np.uint8)
        self._digests: npt.NDArray[np.uint64] = np.zeros(0, np.uint64)
        self._order: Ints = np.zeros(0, np.int64)
        self._recent: dict[bytes, int] = {}
        self._waiting: list[Keys] = []
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, keys: Keys) -> None:
        """Append keys (k, 32) uint8."""
        self._waiting.append(keys)
        first, self._count = self._count, self._count + len(keys)
        if self._count - len(self._keys) > RECENT:
            self._sort()
            return
        for number, key in enumerate(keys, first):
            self._recent.setdefault(key.tobytes(), number)

    def find(self, keys: Keys) -> Ints:
        """(k,) int64: the row of each of keys (k, 32) uint8, -1 where it is not here."""
        rows = np.full(len(keys), -1, np.int64)
        if len(self._keys):
            digests = _digests(keys)
            place = np.searchsorted(self._digests, digests)
            open_ = np.flatnonzero(place < len(self._digests))
            # Nearly always one look: more only where 64 bits of two keys are equal.
            while len(open_ := open_[self._digests[place[open_]] == digests[open_]]):
                found = self._order[place[open_]]
                equal = (self._keys[found] == keys[open_]).all(axis=1)
                rows[open_[equal]] = found[equal]
                open_ = open_[~equal]
                place[open_] += 1
                open_ = open_[place[open_] < len(self._digests)]
        if self._recent:
            for number in np.flatnonzero(rows < 0):
                rows[number] = self._recent.get(keys[number].tobytes(), -1)
        return rows

    def _sort(self) -> None:
        self._keys = np.concatenate([self._keys, *self._waiting])
        digests = _digests(self._keys)
        self._order = np.argsort(digests, kind="stable")
        self._digests = digests[self._order]
        self._recent, self._waiting = {}, []


def as_keys(names: list[str]) -> Keys:
    """(k, 32) uint8 of keys in hex. Raises ValueError for what is no such key."""
    keys = np.frombuffer(bytes.fromhex("".join(names)), np.uint8)
    if keys.size != KEY_BYTES * len(names):
        raise ValueError(f"A key is {2 * KEY_BYTES} hexadecimal digits.")
    return keys.reshape(len(names), KEY_BYTES)


def _digests(keys: Keys) -> npt.NDArray[np.uint64]:
    words = np.ascontiguousarray(keys).view(np.uint64)
    return np.asarray(np.bitwise_xor.reduce(words, axis=1), np.uint64)
