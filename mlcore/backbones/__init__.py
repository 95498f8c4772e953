"""Backbones turn pictures into features, once. To add one, add a file and a line to REGISTRY."""

from pathlib import Path

from mlcore.backbones.efficientnet_lite import efficientnet_lite, efficientnet_lite_industrial
from mlcore.backbones.extractor import Extractor
from mlcore.backbones.spec import Backbone, BackboneMissing, WrongFile
from mlcore.backbones.timm_nets import convnext_tiny, dinov2_small
from mlcore.backbones.torchvision_nets import mobilenet_v2, resnet
from mlcore.backbones.tuned import TunedProblem, is_tuned, save_tuned
from mlcore.backbones.tuned import tuned as read_tuned
from mlcore.device import Device

__all__ = [
    "DEFAULT", "REGISTRY", "Backbone", "BackboneMissing", "Extractor", "TunedProblem", "WrongFile", "extractor", "find",
    "fingerprint", "is_tuned", "save_tuned",
]

DEFAULT = "lite0"

REGISTRY: dict[str, Backbone] = {
    backbone.name: backbone
    for backbone in (
        efficientnet_lite(0),
        efficientnet_lite_industrial(),
        efficientnet_lite(1),
        efficientnet_lite(2),
        mobilenet_v2(),
        resnet(18, 512, "resnet18-f37072fd.pth", 1814),
        resnet(50, 2048, "resnet50-11ad3fa6.pth", 4087),
        convnext_tiny(),
        dinov2_small(),
    )
}


def find(name: str, tuned: Path | None = None) -> Backbone:
    """The backbone of that name: of the registry, or fine-tuned and kept in `tuned/name`.

    Raises ValueError for a name that is in neither.
    """
    if name in REGISTRY:
        return REGISTRY[name]
    if tuned is not None and is_tuned(name):
        return read_tuned(tuned / name, REGISTRY)
    raise ValueError(f"Unknown backbone {name!r}; choose one of {', '.join(REGISTRY)}.")


def fingerprint(name: str, precision: str, *, tuned: Path | None = None) -> str:
    """What names the features of a backbone at a precision ("f32", "bf16", "f16"). Raises BackboneMissing."""
    return find(name, tuned).fingerprint(precision)


def extractor(
    name: str,
    *,
    device: Device | None = None,
    threads: int | None = None,
    folder: Path | None = None,
    tuned: Path | None = None,
) -> Extractor:
    """A ready extractor. device: from `device.pick`, or the CPU at its own precision, which needs no torch.

    threads: cores to use, all of them by default. folder: where the converted network is kept. tuned: where fine-tuned
    backbones are kept. Raises BackboneMissing, or ValueError for an unknown name.
    """
    return Extractor(find(name, tuned), device=device, threads=threads, folder=folder)
