"""Weights of heads and projections as safetensors: arrays only, nothing in them can run."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load, save


def pack(arrays: dict[str, npt.NDArray[Any]]) -> bytes:
    """Arrays as safetensors."""
    return save({name: np.ascontiguousarray(array) for name, array in arrays.items()})


def unpack(data: bytes | memoryview) -> dict[str, npt.NDArray[Any]]:
    """The arrays of `pack`."""
    arrays: dict[str, npt.NDArray[Any]] = load(bytes(data))
    return arrays
