"""What number formats and layouts buy on this processor: inference and training of two networks, on one thread.

    python -m benchmarks.precision [--photos FOLDER] [--cache FOLDER [--parts N ...]] [--json PATH]

EfficientNet-Lite0 with its weights, and ResNet-50 untrained: its speed does not depend on them. bfloat16 is measured where
the processor computes in it; where it has to be emulated, there is no row. INT8 is what an export makes: calibrated on
pictures, one bit of headroom. Beside each row of Lite0 stands how far its features are from those of float32.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.common import deliver, parser
from benchmarks.parts import add_options, measured
from benchmarks.peak import flops_an_image, least_in_turns
from mlcore import backbones
from mlcore.backbones import REGISTRY, Backbone
from mlcore.convert import InputContract
from mlcore.device import pick
from mlcore.edge.engine import ov as openvino
from mlcore.edge.preprocess import load_input
from mlcore.types import Floats
from tests.photos import real_photos, write_digits

BATCH, TRAINING_BATCH = 8, 4
CALIBRATION, COMPARED = 32, 64
NETWORKS = (backbones.DEFAULT, "resnet50")
NO_BF16 = "This processor has no BF16."


def main() -> None:
    """Both networks."""
    made = parser(__doc__)
    made.add_argument("--photos", type=Path, help="a folder of pictures (default: the one that the tests use)")
    add_options(made)
    options = made.parse_args()
    torch.set_num_threads(1)
    has_bf16 = pick("cpu").torch_dtype == "bfloat16"
    if not has_bf16:
        print(NO_BF16)
    with tempfile.TemporaryDirectory() as folder:
        source = options.photos or real_photos() or write_digits(Path(folder) / "digits")
        files = sorted(path for path in source.rglob("*") if path.suffix in {".jpg", ".png"})
        files = files[:: max(1, len(files) // COMPARED)][:COMPARED]
        parts: list[Callable[[], Any]] = []
        for name in NETWORKS:
            parts.append(partial(inference, REGISTRY[name], files, has_bf16=has_bf16))
            parts.append(partial(training, REGISTRY[name], has_bf16=has_bf16))
        results = measured(parts, options)
    if results:
        deliver({
            "bf16": has_bf16, "note": "" if has_bf16 else NO_BF16, "batch": BATCH, "training_batch": TRAINING_BATCH,
            "rows": [row for rows in results for row in rows],
        }, options.json)


def inference(backbone: Backbone, files: list[Path], *, has_bf16: bool) -> list[dict[str, Any]]:
    """A row for each way to compute, CPU milliseconds an image."""
    weights = _weights(backbone)
    contract = InputContract(backbone.input_size, backbone.mean, backbone.scale)
    pixels = [load_input(file, backbone.input_size) for file in files]
    images = np.concatenate([contract.normalise(one[None]) for one in pixels])
    networks = {
        **eager(backbone, weights, has_bf16=has_bf16),
        **compiled(backbone, weights, pixels[:CALIBRATION], contract, has_bf16=has_bf16),
    }
    batch, flops = images[:BATCH], flops_an_image(backbone)
    turns = least_in_turns({way: partial(network, batch) for way, network in networks.items()})
    took = {way: seconds / len(batch) for way, seconds in turns.items()}
    rows: list[dict[str, Any]] = []
    exact: Floats | None = None
    for way, network in networks.items():
        alike = None
        # The features of an untrained network say nothing.
        if weights is not None:
            features = np.concatenate([network(images[at : at + BATCH]) for at in range(0, len(images), BATCH)])
            exact = features if exact is None else exact
            alike = cosine(exact, features)
        rows.append({**_row(backbone, "inference", way, took), "gflops": round(flops / took[way] / 1e9, 1), "cosine": alike})
    return rows


def training(backbone: Backbone, *, has_bf16: bool) -> list[dict[str, Any]]:
    """A row for each way to take a step of plain gradient descent, CPU milliseconds an image."""
    turns = least_in_turns(steps(backbone, _weights(backbone), has_bf16=has_bf16))
    took = {way: seconds / TRAINING_BATCH for way, seconds in turns.items()}
    return [{**_row(backbone, "training", way, took), "gflops": None, "cosine": None} for way in took]


def _row(backbone: Backbone, work: str, way: str, took: dict[str, float]) -> dict[str, Any]:
    first = next(iter(took.values()))
    return {
        "network": backbone.title, "work": work, "way": way, "cpu_ms": round(1000 * took[way], 2),
        "times_first": round(first / took[way], 2),
    }


def _weights(backbone: Backbone) -> Path | None:
    return backbone.find_weights() if backbone.name == backbones.DEFAULT else None


def eager(backbone: Backbone, weights: Path | None, *, has_bf16: bool) -> dict[str, Callable[[Floats], Floats]]:
    """The torch module as it is."""

    def network(layout: torch.memory_format, *, bf16: bool = False) -> Callable[[Floats], Floats]:
        module = backbone.build(weights).eval().to(memory_format=layout)

        def run(images: Floats) -> Floats:
            with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16) if bf16 else nullcontext():
                return module(torch.from_numpy(images).contiguous(memory_format=layout)).float().numpy()

        return run

    made = {
        "torch FP32": network(torch.contiguous_format), "torch FP32, channels last": network(torch.channels_last),
    }
    return made | ({"torch BF16, channels last": network(torch.channels_last, bf16=True)} if has_bf16 else {})


def compiled(
    backbone: Backbone, weights: Path | None, calibration: list[Any], contract: InputContract, *, has_bf16: bool
) -> dict[str, Callable[[Floats], Floats]]:
    """The same network in OpenVINO, on one thread."""
    size = backbone.input_size
    model = openvino.convert_model(
        backbone.build(weights).eval(), example_input=torch.zeros(1, 3, size, size), input=[-1, 3, size, size]
    )
    small = quantised(model, [contract.normalise(one[None]) for one in calibration])

    def network(of: openvino.Model, precision: str) -> Callable[[Floats], Floats]:
        settings = {"INFERENCE_PRECISION_HINT": precision, "INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1}
        request = openvino.Core().compile_model(of, "CPU", settings).create_infer_request()
        return lambda images: np.array(request.infer([images])[0], np.float32)

    made = {"OpenVINO FP32": network(model, "f32")}
    if has_bf16:
        made["OpenVINO BF16"] = network(model, "bf16")
    return made | {"OpenVINO INT8": network(small, "f32")}


def quantised(model: openvino.Model, calibration: list[Floats]) -> openvino.Model:
    """INT8 as `mlcore.quantise` makes it, of a network without a head."""
    import nncf

    logging.getLogger("nncf").setLevel(logging.WARNING)
    return nncf.quantize(
        model, nncf.Dataset(calibration), preset=nncf.QuantizationPreset.MIXED, subset_size=len(calibration),
        advanced_parameters=nncf.AdvancedQuantizationParameters(overflow_fix=nncf.OverflowFix.ENABLE),
    )


def steps(backbone: Backbone, weights: Path | None, *, has_bf16: bool) -> dict[str, Callable[[], None]]:
    """One step of plain gradient descent on a batch."""
    size = backbone.input_size

    def step(layout: torch.memory_format, *, bf16: bool = False) -> Callable[[], None]:
        module = backbone.build(weights).train().to(memory_format=layout)
        optimiser = torch.optim.SGD(module.parameters(), lr=1e-6)
        images = torch.rand(TRAINING_BATCH, 3, size, size).contiguous(memory_format=layout)

        def run() -> None:
            optimiser.zero_grad(set_to_none=True)
            with torch.autocast("cpu", torch.bfloat16) if bf16 else nullcontext():
                loss = module(images).float().square().mean()
            loss.backward()
            optimiser.step()

        return run

    made = {"torch FP32": step(torch.contiguous_format), "torch FP32, channels last": step(torch.channels_last)}
    return made | ({"torch BF16, channels last": step(torch.channels_last, bf16=True)} if has_bf16 else {})


def cosine(exact: Floats, other: Floats) -> dict[str, float]:
    """Between the features of each image in one format and in the other."""
    a, b = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (exact, other))
    found = (a * b).sum(axis=1)
    return {"mean": round(float(found.mean()), 4), "min": round(float(found.min()), 4)}


if __name__ == "__main__":
    main()
