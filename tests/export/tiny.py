"""Things that take a second instead of a minute: a bundle that tells red from green from blue, a backbone of two layers."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
from openvino import opset13 as ops
from PIL import Image

from mlcore.backbones import Backbone
from mlcore.bundle import BundleInfo, build_bundle
from mlcore.convert import InputContract, describe
from mlcore.edge.manifest import PRECISIONS, Label
from mlcore.measure import ReportRow

SIZE = 32
COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "deep blue": (0, 0, 255)}


def jpeg(colour: tuple[int, int, int] | str, size: tuple[int, int] = (64, 48)) -> bytes:
    """A picture of one colour."""
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


def save_colour_ir(xml: Path, *, half: bool) -> Path:
    """An IR whose logits are the mean of each channel divided by 64."""
    image = ops.parameter([1, SIZE, SIZE, 3], ov.Type.u8, name="image")
    means = ops.reduce_mean(ops.convert(image, "f32"), np.array([1, 2]), keep_dims=False)
    logits = ops.log_softmax(ops.divide(means, np.float32(64)), 1)
    features = ops.normalize_l2(ops.add(means, np.float32(1)), np.array([1]), 1e-6, "max")
    model = ov.Model([ops.result(logits), ops.result(features)], [image], "colours")
    for output, name in zip(model.outputs, ("logits", "feature_vector"), strict=True):
        output.get_tensor().set_names({name})
    describe(model, class_names=list(COLOURS), class_colors=["#000000"] * 3, size=SIZE, lineage={"project": "Colours"})
    ov.save_model(model, xml, compress_to_fp16=half)
    return xml


def row(precision: str, **changes: Any) -> ReportRow:
    """A row of a report in which nothing is remarkable."""
    values: dict[str, Any] = {
        "precision": precision,
        "accuracy": 0.9,
        "low": 0.85,
        "high": 0.93,
        "n": 200,
        "agreement": 1.0,
        "max_diff": 0.0,
        "compared": 100,
        "size_bytes": 1000,
        "latency_p50_ms": 10.0,
        "latency_p95_ms": 12.0,
        "throughput": 100.0,
    }
    return ReportRow(**{**values, **changes})


def build_colour_bundle(folder: Path, name: str = "bundle.zip", **changes: Any) -> BundleInfo:
    """A bundle of the colour IRs, zipped at folder/name."""
    irs = {}
    for precision in PRECISIONS:
        (folder / precision).mkdir(parents=True, exist_ok=True)
        irs[precision] = save_colour_ir(folder / precision / "model.xml", half=precision != "FP32")
    arguments: dict[str, Any] = {
        "out_path": folder / name,
        "irs": irs,
        "labels": [Label(colour, "#{:02x}{:02x}{:02x}".format(*rgb)) for colour, rgb in COLOURS.items()],
        "contract": InputContract(SIZE, (127.0,) * 3, (128.0,) * 3),
        "lineage": {"project": "Colours", "model_version": 7, "annotations_hash": "ab" * 32},
        "report": [row(precision) for precision in PRECISIONS],
        "recommended": "FP16",
        "recommended_because": "FP16 is smaller.",
        "sample_image": jpeg("red"),
        "expected": {"image": "sample.jpg"},
        "backbone_licence": "none (Apache-2.0).",
        "machine": "test",
    }
    return build_bundle(**{**arguments, **changes})


def unpack(bundle: Path, folder: Path) -> Path:
    """Unpack a bundle as a person would."""
    with zipfile.ZipFile(bundle) as archive:
        archive.extractall(folder)
    return folder


def tiny_backbone(weights: Path) -> Backbone:
    """A backbone of two convolutions; `weights` may be any file."""

    def build(path: Path) -> Any:
        import torch
        from torch import nn

        class Pooled(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                torch.manual_seed(0)
                self.layers = nn.Sequential(nn.Conv2d(3, 8, 3, 2), nn.ReLU6(), nn.Conv2d(8, 24, 3, 2), nn.ReLU6())

            def forward(self, x: Any) -> Any:
                return self.layers(x).mean(dim=(2, 3))

        return Pooled()

    find: Callable[[], Path | None] = lambda: weights  # noqa: E731
    return Backbone(
        name="tiny",
        title="Tiny",
        dim=24,
        input_size=SIZE,
        mean=(127.0,) * 3,
        scale=(128.0,) * 3,
        licence="Apache-2.0",
        how_to_get="",
        find_weights=find,
        build=build,
    )
