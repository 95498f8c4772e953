"""A folder of pictures to features: ours against torch DataLoaders with the eager network, and against the floor.

    python -m benchmarks.features [--photos FOLDER] [--rounds 2] [--cache FOLDER [--parts N ...]] [--json PATH]

All read the same files in turns within one run, so that a busy machine slows them alike; the figure to trust is images per
CPU second on one thread. `plain` is what a tutorial shows: Pillow decodes every pixel, resizes to the network's input, a
DataLoader makes batches of 32, the torch module runs in float32. `channels_last` is the same with module and batches in that
layout, which is what one does next. The pictures are made from the folder's, at the sizes of cameras.

The floor is what nobody can beat with this network at this precision: its arithmetic at the highest rate that this processor
reached on one thread (a large matrix product, or a stack of 1 x 1 convolutions in OpenVINO, whichever was faster), and the
time that libjpeg-turbo needs to decode. Resizing, copies and everything else come on top.
"""

from __future__ import annotations

import importlib.util
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset

from benchmarks.common import deliver, parser
from benchmarks.fidelity import fidelity
from benchmarks.parts import add_options, measured
from benchmarks.peak import flops_an_image, peaks
from mlcore import backbones
from mlcore.edge.preprocess import open_image
from mlcore.types import Floats
from tests.photos import real_photos, write_digits

BATCH = 32
BACKBONE = backbones.REGISTRY[backbones.DEFAULT]


@dataclass(frozen=True)
class Kind:
    """So many pictures of one size and format."""

    name: str
    size: tuple[int, int]
    suffix: str
    images: int


KINDS = (
    Kind("VGA", (640, 480), ".jpg", 48),
    Kind("HD", (1920, 1080), ".jpg", 24),
    Kind("12 MP", (4000, 3000), ".jpg", 8),
    Kind("12 MP", (4000, 3000), ".png", 3),
)


def main() -> None:
    """Each kind of picture on one thread, the first on all cores too, and what the features are worth."""
    made = parser(__doc__)
    made.add_argument("--photos", type=Path, help="a folder of pictures (default: the one that the tests use)")
    made.add_argument("--rounds", type=int, default=2)
    add_options(made)
    options = made.parse_args()
    cores = torch.get_num_threads()
    with tempfile.TemporaryDirectory() as folder:
        source = options.photos or real_photos() or write_digits(Path(folder) / "digits")
        files = sorted(path for path in source.rglob("*") if path.suffix in {".jpg", ".png"})

        def speed(number: int, threads: int) -> Callable[[], Any]:
            kind, there = KINDS[number], Path(folder) / f"{number}-{threads}"
            return lambda: measure(kind, resized(files, kind, there), threads=threads, rounds=options.rounds)

        parts = [*(speed(number, 1) for number in range(len(KINDS))), speed(0, cores)]
        parts.append(lambda: fidelity(source, Path(folder) / "fidelity"))
        results = measured(parts, options)
    if results:
        deliver({"backbone": BACKBONE.name, "rows": results[:-1], "fidelity": results[-1]}, options.json)


def measure(kind: Kind, files: list[Path], *, threads: int, rounds: int) -> dict[str, Any]:
    """Images per CPU second and per second of the three, the best of the rounds; the floor; how alike the features are."""
    torch.set_num_threads(threads)
    extractor = backbones.extractor(BACKBONE.name, threads=threads)
    usual, last = torch.contiguous_format, torch.channels_last
    modules = BACKBONE.module(), BACKBONE.module().to(memory_format=last)
    pipelines: dict[str, Callable[[], Floats]] = {
        "plain": lambda: eager(files, modules[0], usual, threads),
        "channels_last": lambda: eager(files, modules[1], last, threads),
        "ours": lambda: np.stack([found for _, found in extractor.embed_sources(files) if isinstance(found, np.ndarray)]),
    }
    speed = {which: {"per_cpu_s": 0.0, "per_s": 0.0} for which in pipelines}
    features: dict[str, Floats] = {}
    peak, decoding = {"matmul": 0.0, "convolutions": 0.0}, float("inf")
    for _ in range(rounds):
        for which, pipeline in pipelines.items():
            began = cpu_seconds(), time.perf_counter()
            features[which] = pipeline()
            cpu, wall = cpu_seconds() - began[0], time.perf_counter() - began[1]
            speed[which]["per_cpu_s"] = max(speed[which]["per_cpu_s"], round(len(files) / cpu, 1))
            speed[which]["per_s"] = max(speed[which]["per_s"], round(len(files) / wall, 1))
        decoding = min(decoding, decode_seconds(files))
        peak = {name: max(peak[name], value) for name, value in peaks(extractor.precision).items()}
    ours = speed["ours"]
    flops = flops_an_image(BACKBONE)
    floor = flops / (max(peak.values()) * 1e9) + decoding
    a, b = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (features["plain"], features["ours"]))
    return {
        "pictures": kind.name, "first": f"{kind.size[0]} x {kind.size[1]}", "format": kind.suffix[1:], "images": len(files),
        "threads": threads, "features": extractor.fingerprint, "way": asdict(extractor.way),
        **speed,
        "ratio_per_cpu_s": round(ours["per_cpu_s"] / speed["plain"]["per_cpu_s"], 1),
        "ratio_per_s": round(ours["per_s"] / speed["plain"]["per_s"], 1),
        "times_channels_last_per_cpu_s": round(ours["per_cpu_s"] / speed["channels_last"]["per_cpu_s"], 1),
        "times_channels_last_per_s": round(ours["per_s"] / speed["channels_last"]["per_s"], 1),
        "floor": {
            "gflop_an_image": round(flops / 1e9, 3),
            "peak_gflops": {name: round(value, 1) for name, value in peak.items()},
            "network_ms": round(1000 * (floor - decoding), 2), "decode_ms": round(1000 * decoding, 2),
            "reached": round(floor * ours["per_cpu_s"], 3),
        },
        "cosine": {"mean": round(float((a * b).sum(axis=1).mean()), 4), "min": round(float((a * b).sum(axis=1).min()), 4)},
    }


class Photos(Dataset[torch.Tensor]):
    """Pictures as normalised tensors (3, s, s), decoded in full."""

    def __init__(self, files: list[Path]) -> None:
        self.files = files

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> torch.Tensor:
        size = BACKBONE.input_size
        with Image.open(self.files[index]) as image:
            pixels = np.array(image.convert("RGB").resize((size, size), Image.Resampling.BILINEAR))
        normalised = (pixels.astype(np.float32) - np.float32(BACKBONE.mean)) / np.float32(BACKBONE.scale)
        return torch.from_numpy(normalised).permute(2, 0, 1)


def eager(files: list[Path], module: torch.nn.Module, layout: torch.memory_format, threads: int) -> Floats:
    """The network as it is, in one layout or the other. With several threads, as many processes decode."""
    batches = DataLoader(Photos(files), batch_size=BATCH, num_workers=threads if threads > 1 else 0)
    with torch.inference_mode():
        return np.concatenate([module(batch.contiguous(memory_format=layout)).numpy() for batch in batches])


def decode_seconds(files: list[Path]) -> float:
    """CPU seconds an image to decode it as far as it is needed, and nothing else, by the quickest reader there is."""
    data = [file.read_bytes() for file in files]
    took = []
    for reader in readers(files[0]):
        began = time.process_time()
        for one in data:
            reader(one)
        took.append((time.process_time() - began) / len(data))
    return min(took)


def readers(file: Path) -> list[Callable[[bytes], Any]]:
    """Pillow, and for JPEG simplejpeg where it is installed, which hands all the work to libjpeg-turbo at once."""

    def opened(data: bytes) -> Image.Image:
        image = open_image(data)
        image.draft(None, (2 * BACKBONE.input_size, 2 * BACKBONE.input_size))
        return image

    found: list[Callable[[bytes], Any]] = [lambda data: opened(data).load()]
    if file.suffix == ".jpg" and importlib.util.find_spec("simplejpeg"):
        import simplejpeg

        width, height = opened(file.read_bytes()).size
        found.append(lambda data: simplejpeg.decode_jpeg(data, "RGB", min_width=width, min_height=height))
    return found


def cpu_seconds() -> float:
    """Of this process and of those that it started and that have ended."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


def resized(files: list[Path], kind: Kind, folder: Path) -> list[Path]:
    """Copies at a camera's size."""
    folder.mkdir(parents=True)
    made = []
    for number, file in enumerate(files[:: max(1, len(files) // kind.images)][: kind.images]):
        made.append(folder / f"{number}{kind.suffix}")
        with Image.open(file) as image:
            large = image.convert("RGB").resize(kind.size, Image.Resampling.BICUBIC)
        large.save(made[-1], **({"quality": 90} if kind.suffix == ".jpg" else {"compress_level": 6}))
    return made


if __name__ == "__main__":
    main()
