"""A network of three convolutions, and pictures whose class is how their stripes lie: seconds become milliseconds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn

from mlcore.finetune.inputs import Look
from mlcore.finetune.outcome import Progress, Result
from mlcore.finetune.recipe import Recipe
from mlcore.finetune.train import finetune
from mlcore.finetune.world import World

SIDE = 16
LOOK = Look(SIDE, (127.0,) * 3, (64.0,) * 3)
CLASSES = 3


def network() -> nn.Sequential:
    """The same weights each time, with batch-norm as backbones have it."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.ReLU6(),
        nn.Conv2d(8, 12, 3, 1, 1), nn.BatchNorm2d(12), nn.ReLU6(),
        nn.Conv2d(12, 16, 3, 2, 1), nn.BatchNorm2d(16), nn.ReLU6(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(),
    ).eval()


def write_pictures(folder: Path, count: int = 36) -> tuple[list[Path], np.ndarray]:
    """Noisy stripes: lying, standing or slanted. Paths and classes."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:SIDE, :SIDE]
    paths, labels = [], np.arange(count) % CLASSES
    for number, label in enumerate(labels):
        stripes = (y, x, x + y)[label] + rng.integers(4)
        values = 127 + 60 * np.sign(np.sin(stripes * 1.6)) + rng.normal(0, 40, (SIDE, SIDE))
        paths.append(folder / f"{number}.png")
        Image.fromarray(np.clip(values, 0, 255).astype(np.uint8)).convert("RGB").save(paths[-1])
    return paths, labels


def recipe(**changes: Any) -> Recipe:
    """Four epochs of a few steps."""
    usual: dict[str, Any] = {"blocks": 4, "epochs": 4, "batch": 8, "rate": 1e-2, "held_out": 0.25}
    return Recipe(**{**usual, **changes})


def tune(
    folder: Path, pictures: list[Path], labels: np.ndarray, *, net: nn.Module | None = None, world: World | None = None,
    progress: Callable[[Progress], None] = lambda _: None, should_stop: Callable[[], bool] = lambda: False, **changes: Any,
) -> Result:
    """Fine-tune the tiny network, or another, in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    return finetune(
        network() if net is None else net, pictures, labels, classes=CLASSES, look=LOOK, recipe=recipe(**changes),
        folder=folder, world=world, progress=progress, should_stop=should_stop,
    )


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    """Whether two networks have the very same numbers."""
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)
