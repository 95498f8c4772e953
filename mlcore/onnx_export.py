"""The same network as ONNX, for runtimes other than OpenVINO."""

import tempfile
import warnings
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from mlcore.convert import FEATURES, LOGITS, Classifier, InputContract
from mlcore.edge.engine import ov
from mlcore.edge.postprocess import softmax
from mlcore.edge.preprocess import Pixels

# Old enough for what runs on devices (ONNX Runtime 1.14, TensorRT 8.6); of the one before OpenVINO misreads ReduceLogSumExp.
OPSET = 18

NAME = "onnx/model.onnx"


class _FromPixels(nn.Module):
    """A classifier with its input contract folded in: RGB uint8 (n, s, s, 3) to logits and features."""

    mean: torch.Tensor
    scale: torch.Tensor

    def __init__(self, classifier: Classifier, contract: InputContract) -> None:
        super().__init__()
        self.classifier = classifier
        self.register_buffer("mean", torch.tensor(contract.mean).reshape(1, 3, 1, 1))
        self.register_buffer("scale", torch.tensor(contract.scale).reshape(1, 3, 1, 1))
        self.eval()

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits (n, C) and features (n, d)."""
        pixels = (image.permute(0, 3, 1, 2).to(torch.float32) - self.mean) / self.scale
        logits, features = self.classifier(pixels)
        return logits, features


def to_onnx(classifier: Classifier, contract: InputContract) -> bytes:
    """The network in 32 bits as an ONNX file: ``image`` uint8 (n, s, s, 3) in, ``logits`` and ``feature_vector`` out.

    Any n. Traced rather than captured by torch.export, which takes several times as long for the same graph.
    """
    example = torch.zeros(1, contract.size, contract.size, 3, dtype=torch.uint8)
    with tempfile.TemporaryDirectory() as folder, torch.inference_mode(), warnings.catch_warnings():
        path = Path(folder) / "model.onnx"
        # torch prefers its newer exporter and says so each time.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            _FromPixels(classifier, contract), (example,), path, dynamo=False, opset_version=OPSET,
            input_names=["image"], output_names=[LOGITS, FEATURES],
            dynamic_axes={name: {0: "n"} for name in ("image", LOGITS, FEATURES)},
        )  # fmt: skip
        return path.read_bytes()


def largest_difference(onnx: bytes, reference: npt.NDArray[np.float64], pixels: Pixels) -> float:
    """How far an ONNX file's probabilities of uint8 (n, s, s, 3), as OpenVINO reads it, are from ``reference`` (n, C)."""
    core = ov.Core()
    compiled = core.compile_model(core.read_model(onnx, b""), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return float(np.abs(softmax(compiled([pixels])[LOGITS]) - reference).max())
