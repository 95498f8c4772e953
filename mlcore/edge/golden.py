"""Whether a model on this device answers its bundle's own pictures as it did where the bundle was made."""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlcore.edge.manifest import BundleProblem
from mlcore.edge.postprocess import softmax
from mlcore.edge.preprocess import UnreadableImage
from mlcore.edge.runtime import Model

GOLDEN_NAME = "golden/expected.json"


@dataclass(frozen=True)
class Checked:
    """How many pictures were answered, the share with the same class, and the largest difference of a probability."""

    pictures: int
    agreement: float
    max_diff: float


def check(model: Model) -> Checked | None:
    """Answer the golden pictures and compare; None where the bundle has none.

    Raises BundleProblem when a probability is further off than the bundle allows at this precision.
    """
    path = model.manifest.root / GOLDEN_NAME
    if not path.exists():
        return None
    try:
        said = json.loads(path.read_bytes())
        allowed = float(said["tolerance"][model.precision])
        pairs = [(str(one["image"]), _probabilities(one["logits"][model.precision])) for one in said["pictures"]]
    except (OSError, KeyError, TypeError, ValueError, RecursionError) as problem:
        raise BundleProblem(
            f"{GOLDEN_NAME} lacks {problem} or has it in the wrong form; unpack the bundle again."
        ) from problem
    same, worst = 0, 0.0
    for name, expected in pairs:
        try:
            found = model.answer(model.manifest.root / name).probabilities
        except UnreadableImage as problem:
            raise BundleProblem(f"{name} cannot be read ({problem}); unpack the bundle again.") from problem
        if found.shape != expected.shape:
            raise BundleProblem(f"{GOLDEN_NAME} tells of {len(expected)} classes, the model of {len(found)}; export again.")
        off = float(np.abs(found - expected).max())
        if not off <= allowed:
            raise BundleProblem(
                f"On this device {name} is answered otherwise than where the bundle was made: a probability differs by "
                f"{off:.3f}, {allowed:.3f} is allowed at {model.precision}; choose another precision or device."
            )
        same += int(found.argmax() == expected.argmax())
        worst = max(worst, off)
    return Checked(len(pairs), same / len(pairs) if pairs else 1.0, worst)


def _probabilities(logits: Any) -> "np.ndarray[Any, np.dtype[np.float64]]":
    return softmax(np.asarray(logits, np.float32))
