"""What a model learnt from and how sure it was, in a few numbers: by these a device tells the strange from the known."""

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from mlcore.edge.manifest import BundleProblem

REFERENCE_NAME = "reference.npz"

# Of the images that the model did not learn from, this share lies within `Reference.unseen_beyond`.
SEEN_SHARE = 0.99
BINS = 20

Numbers = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Reference:
    """How the project's own images look to its model.

    ``centres`` (m, d): of what it learnt from, m at most 256. The rest is of images that it did not learn from:
    ``distances`` (101,) and ``margins`` (101,) are percentiles of the distance to the nearest centre and of the gap between
    the two likeliest classes; ``confidence`` (20,) and ``classes`` (C,) are shares of the best class's probability, in equal
    steps from 0 to 1, and of the answers. ``images`` is how many they were counted on.
    """

    centres: Numbers
    distances: Numbers
    margins: Numbers
    confidence: Numbers
    classes: Numbers
    images: int

    @classmethod
    def read(cls, root: Path) -> Self | None:
        """That of the bundle unpacked at ``root``, None where it has none. Raises BundleProblem."""
        path = root / REFERENCE_NAME
        if not path.exists():
            return None
        try:
            with np.load(path, allow_pickle=False) as arrays:
                found = {name: np.asarray(arrays[name], np.float32) for name in arrays.files}
            reference = cls(
                centres=found["centres"],
                distances=found["distances"],
                margins=found["margins"],
                confidence=found["confidence"],
                classes=found["classes"],
                images=int(found["images"]),
            )
        except (OSError, ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile) as problem:
            raise BundleProblem(f"{REFERENCE_NAME} cannot be read ({problem}); unpack the bundle again.") from problem
        if reference.centres.ndim != 2 or not len(reference.centres) or reference.distances.shape != (101,):
            raise BundleProblem(f"{REFERENCE_NAME} has arrays of another shape; unpack the bundle again.")
        return reference

    def distance(self, features: npt.ArrayLike) -> float:
        """Of a feature vector (d,), of length 1, to the nearest centre: 0 to 2. Raises ValueError for another d."""
        vector = np.asarray(features, np.float32)
        if vector.shape != self.centres.shape[1:]:
            raise ValueError(f"features has shape {vector.shape}; this bundle's have {self.centres.shape[1:]}.")
        return float(np.linalg.norm(self.centres - vector, axis=1).min())

    @property
    def unseen_beyond(self) -> float:
        """The distance that all but a hundredth of the project's own images keep within: beyond, a picture is new."""
        return float(self.distances[round(100 * SEEN_SHARE)])

    def torn_below(self, share: float) -> float:
        """The margin that ``share`` (0 to 1) of the project's own images stay below."""
        return float(np.interp(100 * share, np.arange(101), self.margins))
