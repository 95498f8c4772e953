"""What a backbone is: where its weights lie, how its input is normalised, and what it gives."""

import hashlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from mlcore.edge import preprocess

if TYPE_CHECKING:
    import torch

# Raise it when the conversion to OpenVINO may change a feature.
CONVERSION_VERSION = 1


class BackboneMissing(Exception):
    """The weights are not on this machine; the message says how to get them."""


class WrongFile(Exception):
    """What was downloaded is not what was meant; it was thrown away."""


@dataclass(frozen=True)
class Backbone:
    """A frozen network whose pooled features the heads learn from.

    dim: numbers per image. input_size: side of the square input in pixels. mean, scale: per channel on 0-255, so that
    the network sees (pixel - mean) / scale. licence: of the weights. how_to_get: what to do while they are missing.
    find_weights: path of the weights file or None; build: the torch module with the weights of that path, or of the same
    layers untrained. base: the name of the backbone in the registry that this one was fine-tuned from; "" for others.
    macs: millions of multiplications an image. fetch: downloads the weights where that can be done; it raises OSError
    without a network, WrongFile when something else came, ImportError when its tool is missing.
    """

    name: str
    title: str
    dim: int
    input_size: int
    mean: tuple[float, float, float]
    scale: tuple[float, float, float]
    licence: str
    how_to_get: str
    find_weights: Callable[[], Path | None]
    build: Callable[[Path | None], "torch.nn.Module"]
    base: str = ""
    macs: int = 0
    fetch: Callable[[], Path] | None = None

    def available(self) -> bool:
        """Whether the weights are on this machine."""
        return self.find_weights() is not None

    def weights(self) -> Path:
        """Path of the weights file. Raises BackboneMissing."""
        path = self.find_weights()
        if path is None:
            raise BackboneMissing(f"The weights of {self.title} are not on this machine. {self.how_to_get}")
        return path

    def module(self) -> "torch.nn.Module":
        """The network, in eval mode: float (n, 3, s, s) RGB, normalised -> pooled features (n, dim)."""
        return self.build(self.weights()).eval()

    def fingerprint(self, precision: str) -> str:
        """Names everything a feature depends on: weights, preprocessing, conversion and precision. Needs no torch."""
        parts = (
            _hash_of(self.weights()),
            f"preprocess {preprocess.VERSION}",
            f"conversion {CONVERSION_VERSION}",
            f"input {self.input_size} {self.mean} {self.scale}",
            precision,
        )
        digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]
        return f"{self.name}-{precision}-{digest}"


def in_package(package: str, pattern: str) -> Path | None:
    """The first file matching pattern inside an installed package, without importing it."""
    spec = importlib.util.find_spec(package)
    for folder in (spec.submodule_search_locations or []) if spec else []:
        found = sorted(Path(folder).glob(pattern))
        if found:
            return found[0]
    return None


@cache
def _hash_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
