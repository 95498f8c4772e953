"""One split with one seed, as every method gets it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.learning_curves.sets import ImageSet
from mlcore.simulate import Trial, prepare, split
from mlcore.types import Flags, Floats, Ints

# Kept for measuring, of each class, where a set has no split of its own.
TEST_SHARE = 0.3
# The first labels of a method that cannot begin by itself.
START = 10


@dataclass(frozen=True)
class Question:
    """trial: what our methods see. pooled (n, dim), pooled_held_out (m, dim): what the network gives, for the others."""

    trial: Trial
    pooled: Floats
    pooled_held_out: Floats

    @property
    def pool(self) -> Floats:
        """(n, dim), each row of length 1: what people give to scikit-learn."""
        return _normalised(self.pooled)

    @property
    def tests(self) -> Floats:
        """(m, dim), likewise."""
        return _normalised(self.pooled_held_out)

    def random_order(self) -> Ints:
        """(n,) rows of the pool by chance, the same for every method that begins so."""
        return np.random.default_rng(self.trial.seed).permutation(len(self.pooled))


def ask(images: ImageSet, seed: int) -> Question:
    """The question on this seed's split."""
    read, kept = images.read, held_out(images, seed)
    trial = prepare(read.gap, read.labels, len(read.classes), held_out=kept, seed=seed)
    return Question(trial, read.gap[~kept], read.gap[kept])


def held_out(images: ImageSet, seed: int) -> Flags:
    """(n,) bool: the set's own split, or one drawn for this seed."""
    read = images.read
    return split(read.labels, test=TEST_SHARE, seed=seed) if read.held_out is None else read.held_out


def _normalised(rows: Floats) -> Floats:
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12), np.float32)
