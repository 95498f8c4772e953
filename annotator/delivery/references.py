"""What a bundle was made on, read once from its zip: the histogram of its confidence and a sample of its features."""

from __future__ import annotations

import io
import logging
import zipfile
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from django.core.files.storage import default_storage

from annotator.delivery.models import Bundle

log = logging.getLogger(__name__)

NAME = "reference.npz"
# References are a few hundred kilobytes; a workspace runs few bundles at a time.
REMEMBERED = 32
STEPS = 20


@dataclass(frozen=True)
class Reference:
    """confidence (20,) counts over equal steps from 0 to 1; sample (k, d) float32 feature vectors of the pool."""

    confidence: npt.NDArray[np.float64]
    sample: npt.NDArray[np.float32]

    @property
    def width(self) -> int:
        """Numbers in a feature vector."""
        return int(self.sample.shape[1])


def reference_of(bundle: Bundle) -> Reference | None:
    """The reference in a bundle; None where it has none, as older bundles have not, or its file is away."""
    return _read(bundle.path, bundle.sha256) if bundle.path else None


@lru_cache(maxsize=REMEMBERED)
def _read(path: str, sha256: str) -> Reference | None:
    try:
        with default_storage.open(path) as file, zipfile.ZipFile(file) as archive:
            data = archive.read(NAME)
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            confidence = np.round(np.asarray(arrays["confidence"], np.float64) * int(arrays["images"]))
            sample = np.asarray(arrays["sample"], np.float32)
    except (FileNotFoundError, KeyError, ValueError, zipfile.BadZipFile) as problem:
        log.info("bundle %s tells nothing about what it was made on: %s", path, problem)
        return None
    if confidence.shape != (STEPS,) or sample.ndim != 2 or not len(sample):
        log.warning("the reference in bundle %s has shapes that are not known", path)
        return None
    return Reference(confidence, sample)
