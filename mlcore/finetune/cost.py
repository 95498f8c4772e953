"""What fine-tuning will cost, roughly, before it is begun. Needs no torch."""

from dataclasses import dataclass

from mlcore.backbones import REGISTRY
from mlcore.finetune.recipe import Mode, Recipe

# Seconds that one core takes to train on one picture once, and bytes of its activations in one view: measured for
# EfficientNet-Lite0 at 224 pixels, the rest by their multiplications; the job's own estimate soon takes their place.
_SECONDS = {"partial": 0.03, "full": 0.11}
_TIMES = {"lite0": 1.0, "lite1": 1.6, "lite2": 2.3, "mobilenetv2": 0.8, "resnet18": 3.0, "resnet50": 6.0}
_UNKNOWN = 6.0
_BYTES = {"lite0": 44_000, "lite1": 50_000, "lite2": 65_000, "mobilenetv2": 38_000, "resnet18": 100_000, "resnet50": 401_000}
_UNKNOWN_BYTES = 500_000
# Reading a picture and taking it through the trunk, in each view, of what training on it once costs.
_LOOK = 1.0


@dataclass(frozen=True)
class Cost:
    """seconds: of the training alone, on `cores` cores of a processor. disk_bytes: while it runs."""

    seconds: float
    disk_bytes: int


def estimate(*, backbone: str, pictures: int, mode: Mode, epochs: int | None = None, cores: int = 1) -> Cost:
    """What a run on so many pictures costs at most: it stops early when it no longer gets better."""
    recipe = Recipe.for_mode(mode, epochs=epochs)
    views = recipe.views if mode == "partial" else 1
    looks = pictures * (recipe.epochs + _LOOK * views)
    seconds = looks * _SECONDS[mode] * _TIMES.get(backbone, _UNKNOWN) / max(1, cores)
    if mode == "full":
        side = REGISTRY[backbone].input_size if backbone in REGISTRY else 224
        return Cost(seconds, pictures * side * side * 3)
    return Cost(seconds, pictures * views * _BYTES.get(backbone, _UNKNOWN_BYTES))

