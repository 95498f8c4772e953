"""Pictures to features, with reading, decoding and inference overlapped on every core."""

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mlcore.backbones.ir import cached_ir
from mlcore.backbones.quickest import BATCHES, Way, quickest, read
from mlcore.backbones.spec import Backbone
from mlcore.device import Device, cores, pick
from mlcore.edge.preprocess import UnreadableImage, load_input
from mlcore.types import Floats

# Images that one thread takes in hand: few enough to lose little when killed. A pass of the network may take fewer.
BATCH = max(BATCHES)
# Batches under way beyond those being worked on, so that nobody waits and memory stays bounded.
AHEAD = 2

Found = tuple[int, Floats | UnreadableImage]


class Extractor:
    """A compiled backbone. Threads share it, each with an inference request and a pixel buffer of its own."""

    def __init__(
        self,
        backbone: Backbone,
        *,
        device: Device | None = None,
        threads: int | None = None,
        folder: Path | None = None,
    ) -> None:
        from mlcore.edge.engine import ov as openvino

        device = device or pick("cpu")
        self.backbone = backbone
        self.dim = backbone.dim
        self.threads = threads or cores()
        self.precision = device.openvino_precision
        self.fingerprint = backbone.fingerprint(self.precision)
        core = openvino.Core()
        settings: dict[str, Any] = {"INFERENCE_PRECISION_HINT": device.openvino_precision}
        if device.openvino_device == "CPU":
            settings |= {
                "NUM_STREAMS": self.threads,
                "INFERENCE_NUM_THREADS": self.threads,
                # Other processes share these cores; pinned streams would pile up on the same ones.
                "ENABLE_CPU_PINNING": False,
            }
        path, size = cached_ir(backbone, device.openvino_precision, folder), backbone.input_size

        def compiled(blocked: bool) -> Any:
            model = read(core, path, blocked=blocked)
            model.reshape([openvino.Dimension(1, BATCH), size, size, 3])
            return core.compile_model(model, device.openvino_device, settings)

        self.way = Way()
        if device.openvino_device == "CPU":
            name = backbone.base or backbone.name
            self.way = quickest(compiled, name=name, size=size, device=device, folder=path.parent)
        self._compiled = compiled(self.way.blocked)
        self._mine = threading.local()

    def embed(self, batch: npt.NDArray[np.uint8]) -> Floats:
        """(n, dim) float32 pooled features of uint8 pixels (n, s, s, 3), as `to_input` gives them."""
        if not len(batch):
            return np.zeros((0, self.dim), np.float32)
        parts = [batch[start : start + BATCH] for start in range(0, len(batch), BATCH)]
        if len(parts) == 1:
            return self._infer(batch)
        with ThreadPoolExecutor(self.threads) as workers:
            return np.concatenate(list(workers.map(self._infer, parts)))

    def embed_sources(self, sources: Sequence[bytes | Path]) -> Iterator[Found]:
        """(index, features (dim,)) of each picture in order; a picture that cannot be used gives its problem instead."""
        with ThreadPoolExecutor(self.threads) as workers:
            waiting: deque[Future[list[Found]]] = deque()
            starts = iter(range(0, len(sources), BATCH))
            try:
                while True:
                    while len(waiting) < self.threads + AHEAD and (start := next(starts, None)) is not None:
                        waiting.append(workers.submit(self._embed_some, sources, start))
                    if not waiting:
                        return
                    yield from waiting.popleft().result()
            finally:
                for job in waiting:
                    job.cancel()

    def _embed_some(self, sources: Sequence[bytes | Path], start: int) -> list[Found]:
        """One batch, by one thread from the files to the features."""
        size = self.backbone.input_size
        pixels = self._buffer()
        found: list[Found] = []
        good: list[int] = []
        for index in range(start, min(start + BATCH, len(sources))):
            try:
                pixels[len(good)] = load_input(sources[index], size)
            except UnreadableImage as problem:
                found.append((index, problem))
            else:
                good.append(index)
        if good:
            found += zip(good, self._infer(pixels[: len(good)]), strict=True)
        return sorted(found, key=lambda pair: pair[0])

    def _infer(self, pixels: npt.NDArray[np.uint8]) -> Floats:
        request = getattr(self._mine, "request", None)
        if request is None:
            request = self._mine.request = self._compiled.create_infer_request()
        pixels = np.ascontiguousarray(pixels)
        features = np.empty((len(pixels), self.dim), np.float32)
        for start in range(0, len(pixels), self.way.batch):
            result = request.infer([pixels[start : start + self.way.batch]], share_inputs=True)
            features[start : start + self.way.batch] = result[0]
        return features

    def _buffer(self) -> npt.NDArray[np.uint8]:
        pixels: npt.NDArray[np.uint8] | None = getattr(self._mine, "pixels", None)
        if pixels is None:
            size = self.backbone.input_size
            pixels = self._mine.pixels = np.empty((BATCH, size, size, 3), np.uint8)
        return pixels
