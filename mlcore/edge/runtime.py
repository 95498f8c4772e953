"""A bundle as an object: load it, give it a picture, get the classes."""

import queue
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from mlcore.edge.engine import ov
from mlcore.edge.in_order import in_order
from mlcore.edge.manifest import BundleProblem, Manifest
from mlcore.edge.postprocess import Prediction, rank, softmax
from mlcore.edge.preprocess import Pixels, load_input, to_input
from mlcore.edge.signature import prove

Picture = str | Path | bytes | Pixels

# Devices that a machine may lack, or whose driver may refuse a model, and that the CPU then stands in for.
_ACCELERATORS = ("AUTO", "GPU", "NPU")

# Threads beyond the requests that keep a device busy: they decode the next pictures meanwhile.
_DECODING = 2


class InferenceFailed(Exception):
    """The device could not compute an answer; the message is a sentence."""


@dataclass(frozen=True)
class Answer:
    """What the model says of one picture.

    ``predictions``: classes, best first; ``probabilities`` (C,) float64 in the order of labels.json;
    ``features`` (d,) float32 of length 1, for drift checks or a search for similar pictures; ``logits`` (C,) as they came
    out of the network.
    """

    predictions: list[Prediction]
    probabilities: npt.NDArray[np.float64]
    features: npt.NDArray[np.float32]
    logits: npt.NDArray[np.float32]


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
    OpenVINO's name: AUTO, CPU, GPU, NPU; where a GPU or NPU cannot run the model the CPU does, and ``note`` is a sentence
    that says so (else empty). ``trusted_key`` is a public key, PEM, that must have signed every file there is; ``proof``
    is a sentence of what the check of the files proves. May be used from several threads. Raises BundleProblem.
    """

    def __init__(
        self,
        path: str | Path,
        precision: str | None = None,
        device: str = "AUTO",
        *,
        trusted_key: str | None = None,
    ) -> None:
        self.manifest = Manifest.read(Path(path))
        self.precision = self.manifest.choose(precision)
        self.proof = prove(self.manifest, self.precision, trusted_key)
        self.labels = tuple(label.name for label in self.manifest.labels)
        self.device = device
        self.note = ""
        self._core = ov.Core()
        self._xml = self.manifest.root / self.manifest.models[self.precision]
        self._compiled = self._compile_or_fall_back()
        self._request = self._compiled.create_infer_request()
        self._turn = threading.Lock()
        self._building = threading.Lock()
        self._many: _Requests | None = None

    @property
    def number(self) -> int | None:
        """The bundle's number in its project, None where the lineage has none."""
        return self.manifest.number

    @property
    def runs_on(self) -> str:
        """What OpenVINO's choice came down to: CPU, GPU.0, NPU; AUTO may begin on the CPU and move on while it runs."""
        devices = self._compiled.get_property("EXECUTION_DEVICES")
        names = [devices] if isinstance(devices, str) else devices
        return ", ".join(str(name).strip("()") for name in names)

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

    def answer(self, image: Picture, top: int | None = None, *, many: bool = False) -> Answer:
        """Everything the model says of one picture. Raises UnreadableImage, InferenceFailed.

        Alone a picture gets the whole device and is answered soonest; with ``many`` it shares it with others
        that are asked for at the same time from other threads, and all of them together are done soonest.
        """
        return self.answer_pixels(self.read(image), top, many=many)

    def answers(self, images: Iterable[Picture], top: int | None = None) -> Iterator[Answer]:
        """Answer for many pictures in their order, as quickly as the device can, reading few of them ahead.

        Decodes in threads beside the network. Raises UnreadableImage, InferenceFailed at the picture's turn.
        """
        return in_order(lambda image: self.answer(image, top, many=True), images, threads=self.hands)

    @property
    def hands(self) -> int:
        """How many threads keep the device busy with ``answer(..., many=True)``."""
        return self._requests().count + _DECODING

    def read(self, image: Picture) -> Pixels:
        """Decode a picture and scale it to what the network takes, uint8 (size, size, 3). Raises UnreadableImage."""
        size = self.manifest.input_size
        if isinstance(image, np.ndarray):
            return to_input(image, size)
        return load_input(Path(image) if isinstance(image, str) else image, size)

    def answer_pixels(self, pixels: Pixels, top: int | None = None, *, many: bool = False) -> Answer:
        """Answer for what ``read`` gave. Raises InferenceFailed."""
        logits, features = self.infer(pixels, many=many)
        probabilities = softmax(logits)
        return Answer(rank(probabilities, self.labels, top), probabilities, features, logits)

    def infer(self, pixels: Pixels, *, many: bool = False) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Run the network on uint8 (size, size, 3): logits (C,) and the feature vector (d,). Raises InferenceFailed."""
        try:
            if many:
                return self._requests().infer(pixels)
            with self._turn:
                return _infer(self._request, pixels)
        except RuntimeError as problem:
            raise InferenceFailed(
                f"The device {self.device} could not compute an answer ({_first_line(problem)}); try another device."
            ) from problem

    def _requests(self) -> "_Requests":
        """The network compiled for many pictures at once, when it is first needed: a machine of one camera never does."""
        with self._building:
            if self._many is None:
                device = "CPU" if self.note else self.device
                self._many = _Requests(self._compile(device, "THROUGHPUT"))
            return self._many

    def _compile(self, device: str, hint: str) -> Any:
        return self._core.compile_model(self._xml, device, compile_options(self.precision, hint))

    def _compile_or_fall_back(self) -> Any:
        model = self.manifest.models[self.precision]
        try:
            return self._compile(self.device, "LATENCY")
        except RuntimeError as problem:
            if not self.device.upper().startswith(_ACCELERATORS):
                raise BundleProblem(
                    f"The device {self.device} cannot run {model}; "
                    f"choose one of AUTO, {', '.join(self._core.available_devices)} ({_first_line(problem)})."
                ) from problem
            reason = _first_line(problem)
        try:
            compiled = self._compile("CPU", "LATENCY")
        except RuntimeError as problem:
            raise BundleProblem(
                f"Neither the device {self.device} ({reason}) nor the CPU can run {model} ({_first_line(problem)}); "
                "unpack the bundle again."
            ) from problem
        self.note = f"The device {self.device} cannot run {model} ({reason}), so the CPU does."
        return compiled


class _Requests:
    """As many requests as keep a device busy, lent to whoever comes."""

    def __init__(self, compiled: Any) -> None:
        self.count = int(compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS"))
        # The one used last is the one whose memory is still in the cache.
        self._idle: queue.LifoQueue[Any] = queue.LifoQueue()
        for _ in range(self.count + _DECODING):
            self._idle.put(compiled.create_infer_request())

    def infer(self, pixels: Pixels) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        request = self._idle.get()
        try:
            return _infer(request, pixels)
        finally:
            self._idle.put(request)


def _infer(request: Any, pixels: Pixels) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    # The pixels are not copied: they outlive the call. What comes back is copied: the request's next answer overwrites it.
    # (`request.infer(array)` would do the same in four times the time, a fortieth of what a small network takes.)
    pixels = pixels if pixels.flags.writeable else pixels.copy()
    request.set_input_tensor(ov.Tensor(pixels[None], shared_memory=True))
    request.start_async()
    request.wait()
    logits = np.array(request.get_tensor("logits").data[0], dtype=np.float32)
    features = np.array(request.get_tensor("feature_vector").data[0], dtype=np.float32)
    return logits, features


def _first_line(problem: Exception) -> str:
    lines = [line.strip() for line in str(problem).splitlines() if line.strip()]
    return lines[-1] if lines else type(problem).__name__
