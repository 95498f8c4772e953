"""A bundle as an object: load it, give it a picture, get the classes."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from mlcore.edge.engine import ov
from mlcore.edge.manifest import BundleProblem, Manifest
from mlcore.edge.postprocess import Prediction, rank, softmax
from mlcore.edge.preprocess import Pixels, load_input, to_input

Picture = str | Path | bytes | Pixels


@dataclass(frozen=True)
class Answer:
    """What the model says of one picture.

    ``predictions``: classes, best first; ``probabilities`` (C,) float64 in the order of labels.json;
    ``features`` (d,) float32 of length 1, for drift checks or a search for similar pictures.
    """

    predictions: list[Prediction]
    probabilities: npt.NDArray[np.float64]
    features: npt.NDArray[np.float32]


def compile_options(precision: str, hint: str = "LATENCY") -> dict[str, str]:
    """OpenVINO's options for a model of this precision, on any device.

    FP32 means exactly that, also on a CPU that would compute in bfloat16 if left alone; FP16 and
    INT8 run as fast as the device can.
    """
    mode = "ACCURACY" if precision == "FP32" else "PERFORMANCE"
    return {"PERFORMANCE_HINT": hint, "EXECUTION_MODE_HINT": mode}


class Model:
    """A bundle, unpacked at ``path``, checked against its manifest and compiled for ``device``.

    ``precision`` is FP32, FP16 or INT8; without it the bundle's recommended one runs. ``device`` is
    OpenVINO's name: AUTO, CPU, GPU, NPU. May be used from several threads.
    Raises BundleProblem.
    """

    def __init__(self, path: str | Path, precision: str | None = None, device: str = "AUTO") -> None:
        self.manifest = Manifest.read(Path(path))
        self.precision = self.manifest.choose(precision)
        self.manifest.verify(self.precision)
        self.labels = tuple(label.name for label in self.manifest.labels)
        self.device = device
        core = ov.Core()
        xml = self.manifest.root / self.manifest.models[self.precision]
        try:
            self._compiled = core.compile_model(xml, device, compile_options(self.precision))
        except RuntimeError as problem:
            raise BundleProblem(
                f"The device {device} cannot run {self.manifest.models[self.precision]}; "
                f"choose one of AUTO, {', '.join(core.available_devices)} ({_first_line(problem)})."
            ) from problem
        self._request = self._compiled.create_infer_request()
        self._turn = threading.Lock()

    @property
    def metadata(self) -> Mapping[str, Any]:
        """The manifest: lineage, metrics, input contract."""
        return self.manifest.data

    @overload
    def predict(self, image: Picture, top: int | None = None) -> list[Prediction]:  # type: ignore[overload-overlap]
        ...

    @overload
    def predict(self, image: Sequence[Picture], top: int | None = None) -> list[list[Prediction]]: ...

    def predict(
        self, image: Picture | Sequence[Picture], top: int | None = None
    ) -> list[Prediction] | list[list[Prediction]]:
        """Classes with their confidences, best first; for a list of pictures a list of such lists.

        A picture is a path, the bytes of a file, or RGB pixels uint8 (H, W, 3). Raises UnreadableImage.
        """
        if isinstance(image, str | Path | bytes | np.ndarray):
            return self.answer(image, top).predictions
        return [self.answer(one, top).predictions for one in image]

    def answer(self, image: Picture, top: int | None = None) -> Answer:
        """Everything the model says of one picture. Raises UnreadableImage."""
        size = self.manifest.input_size
        if isinstance(image, np.ndarray):
            pixels = to_input(image, size)
        else:
            pixels = load_input(Path(image) if isinstance(image, str) else image, size)
        logits, features = self.infer(pixels)
        probabilities = softmax(logits)
        return Answer(rank(probabilities, self.labels, top), probabilities, features)

    def infer(self, pixels: Pixels) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Run the network on uint8 (size, size, 3): logits (C,) and the feature vector (d,)."""
        with self._turn:
            self._request.infer([pixels[None]])
            logits = np.array(self._request.get_tensor("logits").data[0], dtype=np.float32)
            features = np.array(self._request.get_tensor("feature_vector").data[0], dtype=np.float32)
        return logits, features


def _first_line(problem: Exception) -> str:
    lines = [line.strip() for line in str(problem).splitlines() if line.strip()]
    return lines[-1] if lines else type(problem).__name__
