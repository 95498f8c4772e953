"""Backbones built by timm (optional), from safetensors that its hub keeps; each with the licence that its card names."""

import hashlib
import importlib
import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlcore.backbones.spec import Backbone, WrongFile
from mlcore.backbones.torchvision_nets import MEAN, SCALE

if TYPE_CHECKING:
    import torch

FILE = "model.safetensors"


def convnext_tiny() -> Backbone:
    """ConvNeXt-T (Liu et al. 2022), trained on ImageNet-22k by Meta."""
    return _timm(
        "convnext-tiny", "ConvNeXt-T", "convnext_tiny.fb_in22k", _build_convnext, features=768, macs=4455,
        licence="Apache-2.0; trained on ImageNet-22k, whose terms are for research",
    )


def dinov2_small() -> Backbone:
    """DINOv2 ViT-S/14 (Oquab et al. 2023), trained without labels by Meta; class token and the mean of the others."""
    return _timm(
        "dinov2-small", "DINOv2 ViT-S/14", "vit_small_patch14_dinov2.lvd142m", _build_dinov2, features=2 * 384, macs=5515,
        licence="Apache-2.0",
    )


def _timm(name: str, title: str, model: str, build: Any, *, features: int, macs: int, licence: str) -> Backbone:
    return Backbone(
        name=name,
        title=title,
        # Their features are signed: each gives two numbers.
        dim=2 * features,
        input_size=224,
        mean=MEAN,
        scale=SCALE,
        licence=licence,
        how_to_get=f"Run `pip install 'timm>=1,<2'`, then `annotator backbone get {name}`.",
        find_weights=partial(_find, model),
        build=partial(build, model),
        macs=macs,
        fetch=partial(_fetch, model),
    )


def _cache() -> Path:
    """The hub's own folder of downloads, found without importing it."""
    home = os.environ.get("HF_HOME") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "huggingface"
    return Path(os.environ.get("HF_HUB_CACHE") or Path(home) / "hub").expanduser()


def _find(model: str) -> Path | None:
    found = sorted(_cache().glob(f"models--timm--{model}/snapshots/*/{FILE}"))
    return found[-1].resolve() if found else None


def _fetch(model: str) -> Path:
    """Download with the hub's own tool, which names the file by the SHA-256 that the hub tells; held against that.

    Raises ImportError without timm, OSError without a network, WrongFile where the hash is another.
    """
    from huggingface_hub import hf_hub_download

    # What builds the network: without it the weights are of no use.
    _timm_itself()
    try:
        path = Path(hf_hub_download(f"timm/{model}", FILE))
    except OSError as error:
        raise OSError(str(error).strip().partition("\n")[0]) from error
    blob = path.resolve()
    with blob.open("rb") as file:
        actual = hashlib.file_digest(file, "sha256").hexdigest()
    if actual != blob.name:
        path.unlink()
        blob.unlink(missing_ok=True)
        raise WrongFile(f"{FILE} of timm/{model} has the SHA-256 {actual}, not {blob.name}.")
    return path


def _timm_itself() -> Any:
    """The package, which wants torchvision. Raises ImportError."""
    from mlcore import torchvision_shim

    torchvision_shim.ensure()
    return importlib.import_module("timm")


def _create(model: str, weights: Path | None, **options: Any) -> "torch.nn.Module":
    create_model = _timm_itself().create_model
    if weights is None:
        network: torch.nn.Module = create_model(model, pretrained=False, num_classes=0, **options)
    else:
        from safetensors.torch import load_file

        overlay = {"state_dict": load_file(weights)}
        network = create_model(model, pretrained=True, pretrained_cfg_overlay=overlay, num_classes=0, **options)
    return network


def _build_convnext(model: str, weights: Path | None) -> "torch.nn.Module":
    import torch

    from mlcore.backbones.signed import both_signs

    class Pooled(torch.nn.Module):
        """The network up to its normalised mean over the image."""

        def __init__(self) -> None:
            super().__init__()
            self.network = _create(model, weights)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return both_signs(self.network(x))

    return Pooled()


def _build_dinov2(model: str, weights: Path | None) -> "torch.nn.Module":
    import torch

    from mlcore.backbones.signed import both_signs

    class Pooled(torch.nn.Module):
        """The class token beside the mean of all others."""

        def __init__(self) -> None:
            super().__init__()
            self.network: Any = _create(model, weights, img_size=224)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            tokens = self.network.forward_features(x)
            return both_signs(torch.cat([tokens[:, 0], tokens[:, 1:].mean(dim=1)], dim=1))

    return Pooled()
