"""Count what a device needs to tell the strange from the known: reference.npz, read by mlcore.edge.reference."""

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from mlcore.edge.reference import BINS
from mlcore.same_zip import write_zip
from mlcore.strategies.clusters import kmeans
from mlcore.threads import one_thread
from mlcore.types import Flags, Floats

CENTRES = 256
# Rows drawn at random, which the server holds what devices see against: centres are no sample, and would look like drift.
SAMPLE = 256
# From fewer images that the model did not learn from, their percentiles would be noise.
ENOUGH = 50
_PERCENTILES = np.arange(101)


@one_thread()
def build_reference(*, features: Floats, probabilities: Floats, learnt: Flags, seed: int = 0) -> bytes:
    """The content of reference.npz; the same for the same arguments, and without a pickle.

    features (n, d) rows of length 1, probabilities (n, C) of the model that leaves, learnt (n,): what it was fitted on; at
    least one row was. Raises ValueError when none was, or for numbers that are not finite.
    """
    if not learnt.any():
        raise ValueError("A reference needs features of at least one image that the model learnt from.")
    if not (np.isfinite(features).all() and np.isfinite(probabilities).all()):
        raise ValueError("features or probabilities hold a number that is not finite.")
    taught, others = features[learnt], features[~learnt]
    centres = _centres(taught, seed)
    distances = _distances(others, centres)
    told = probabilities[~learnt]
    if len(others) < ENOUGH:
        # How far away are images that centres were not made of? Each half of them answers for the other.
        halves = taught[0::2], taught[1::2]
        if len(halves[1]):
            across = [_distances(halves[1], _centres(halves[0], seed)), _distances(halves[0], _centres(halves[1], seed))]
            distances = np.concatenate([distances, *across])
        told = probabilities
    distances = distances if len(distances) else np.full(1, 2.0, np.float32)
    ordered = np.sort(told, axis=1)
    sure = ordered[:, -1]
    margins = sure - ordered[:, -2] if ordered.shape[1] > 1 else sure
    return _npz(
        {
            "centres": centres.astype(np.float16),
            "sample": _sample(others if len(others) >= ENOUGH else features, seed).astype(np.float16),
            "distances": np.percentile(distances, _PERCENTILES).astype(np.float32),
            "margins": np.percentile(margins, _PERCENTILES).astype(np.float32),
            "confidence": _shares(np.minimum((sure * BINS).astype(np.int64), BINS - 1), BINS),
            "classes": _shares(told.argmax(axis=1), told.shape[1]),
            "images": np.asarray(len(told), np.int64),
        }
    )


def _centres(rows: Floats, seed: int) -> Floats:
    return kmeans(rows, min(CENTRES, len(rows)), np.random.default_rng(seed))[1]


def _sample(rows: Floats, seed: int) -> Floats:
    return rows[np.sort(np.random.default_rng(seed).permutation(len(rows))[:SAMPLE])]


def _distances(rows: Floats, centres: Floats) -> Floats:
    """(n,) float32: how far each row is from its nearest centre, as the device will see the centres."""
    seen = centres.astype(np.float16).astype(np.float32)
    squares = (rows**2).sum(axis=1)[:, None] + (seen**2).sum(axis=1) - 2 * rows @ seen.T
    return np.asarray(np.sqrt(np.maximum(squares, 0).min(axis=1, initial=4.0)), np.float32)


def _shares(values: npt.NDArray[np.int64], size: int) -> Floats:
    return np.asarray(np.bincount(values, minlength=size) / max(1, len(values)), np.float32)


def _npz(arrays: Mapping[str, npt.NDArray[Any]]) -> bytes:
    def written(array: npt.NDArray[Any]) -> bytes:
        buffer = io.BytesIO()
        np.lib.format.write_array(buffer, array, allow_pickle=False)
        return buffer.getvalue()

    buffer = io.BytesIO()
    write_zip(buffer, [(f"{name}.npy", written(array)) for name, array in arrays.items()], compress=False)
    return buffer.getvalue()
