"""What fine-tuning will cost, roughly, before it is begun. Needs no torch."""

from dataclasses import dataclass

from mlcore.backbones import REGISTRY
from mlcore.finetune.recipe import MODES, Mode, Recipe

# Seconds that one core takes to train on one picture once, for EfficientNet-Lite0 and its millions of multiplications;
# other networks in proportion. The job's own estimate soon takes its place.
_SECONDS = {"partial": 0.03, "full": 0.11}
_MACS = 385
# Bytes of one picture's activations in one view, where the network is cut. Others cannot be cut.
_BYTES = {"lite0": 44_000, "lite1": 25_000, "lite2": 34_000, "mobilenetv2": 38_000, "resnet18": 100_000, "resnet50": 401_000}
# Reading a picture and taking it through the trunk, in each view, of what training on it once costs.
_LOOK = 1.0


def modes_of(backbone: str) -> tuple[Mode, ...]:
    """How a registered backbone can be fine-tuned: a network that cannot be cut in two only as a whole."""
    return MODES if backbone in _BYTES else ("full",)


@dataclass(frozen=True)
class Cost:
    """seconds: of the training alone, on `cores` cores of a processor. disk_bytes: while it runs."""

    seconds: float
    disk_bytes: int


def estimate(*, backbone: str, pictures: int, mode: Mode, epochs: int | None = None, cores: int = 1) -> Cost:
    """What a run of a registered backbone on so many pictures costs at most: it stops early when it no longer gains."""
    recipe = Recipe.for_mode(mode, epochs=epochs)
    views = recipe.views if mode == "partial" else 1
    looks = pictures * (recipe.epochs + _LOOK * views)
    spec = REGISTRY[backbone]
    seconds = looks * _SECONDS[mode] * spec.macs / _MACS / max(1, cores)
    if mode == "full":
        side = spec.input_size
        return Cost(seconds, pictures * side * side * 3)
    return Cost(seconds, pictures * views * _BYTES[backbone])

