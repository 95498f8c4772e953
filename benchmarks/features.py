"""A folder of JPEG files to features: ours against a plain torch DataLoader with the eager network, interleaved.

    python -m benchmarks.features [--photos FOLDER] [--images 96] [--rounds 3] [--json PATH]

Both read the same files in turns within one run, so that a busy machine slows both alike; the figure to trust is images per
CPU second on one thread. The plain pipeline is what a tutorial shows: Pillow decodes every pixel, resizes to 224, a
DataLoader makes batches of 32, the torch module runs in float32. Files are taken as they are, and larger ones are made.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset

from benchmarks.common import deliver, parser
from mlcore import backbones
from mlcore.types import Floats
from tests.photos import real_photos, write_digits

BATCH = 32
LARGE = (1920, 1440)


def main() -> None:
    """Each size of picture on one thread, and the first on all cores."""
    made = parser(__doc__)
    made.add_argument("--photos", type=Path, help="a folder of pictures (default: the one that the tests use)")
    made.add_argument("--images", type=int, default=96)
    made.add_argument("--rounds", type=int, default=3)
    options = made.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        source = options.photos or real_photos() or write_digits(Path(folder) / "digits")
        files = sorted(path for path in source.rglob("*") if path.suffix in {".jpg", ".png"})
        files = files[:: max(1, len(files) // options.images)][: options.images]
        large = enlarged(files, Path(folder) / "large")
        cores = torch.get_num_threads()
        rows = [
            measure("as they are", files, threads=1, rounds=options.rounds),
            measure("enlarged to 1920 x 1440", large, threads=1, rounds=options.rounds),
            measure("as they are", files, threads=cores, rounds=options.rounds),
        ]
    deliver({"backbone": backbones.DEFAULT, "rows": rows}, options.json)


def measure(name: str, files: list[Path], *, threads: int, rounds: int) -> dict[str, Any]:
    """Images per CPU second and per second of both pipelines, the best of the rounds, and how alike the features are."""
    torch.set_num_threads(threads)
    extractor = backbones.extractor(backbones.DEFAULT, threads=threads)
    module = backbones.REGISTRY[backbones.DEFAULT].module()
    pipelines: dict[str, Callable[[], Floats]] = {
        "plain": lambda: plain(files, module),
        "ours": lambda: np.stack([found for _, found in extractor.embed_sources(files) if isinstance(found, np.ndarray)]),
    }
    speed: dict[str, dict[str, float]] = {which: {"per_cpu_s": 0.0, "per_s": 0.0} for which in pipelines}
    features: dict[str, Floats] = {}
    for _ in range(rounds):
        for which, pipeline in pipelines.items():
            began = (time.process_time(), time.perf_counter())
            features[which] = pipeline()
            cpu, wall = time.process_time() - began[0], time.perf_counter() - began[1]
            speed[which]["per_cpu_s"] = max(speed[which]["per_cpu_s"], round(len(files) / cpu, 1))
            speed[which]["per_s"] = max(speed[which]["per_s"], round(len(files) / wall, 1))
    a, b = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (features["plain"], features["ours"]))
    with Image.open(files[0]) as first:
        size = f"{first.width} x {first.height}"
    return {
        "pictures": name, "first": size, "images": len(files), "threads": threads, "features": extractor.fingerprint,
        **speed,
        "ratio_per_cpu_s": round(speed["ours"]["per_cpu_s"] / speed["plain"]["per_cpu_s"], 1),
        "ratio_per_s": round(speed["ours"]["per_s"] / speed["plain"]["per_s"], 1),
        "cosine": {"mean": round(float((a * b).sum(axis=1).mean()), 4), "min": round(float((a * b).sum(axis=1).min()), 4)},
    }


class Photos(Dataset[torch.Tensor]):
    """Pictures as normalised tensors (3, 224, 224), decoded in full."""

    def __init__(self, files: list[Path]) -> None:
        self.files = files
        self.backbone = backbones.REGISTRY[backbones.DEFAULT]

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> torch.Tensor:
        size = self.backbone.input_size
        with Image.open(self.files[index]) as image:
            pixels = np.array(image.convert("RGB").resize((size, size), Image.Resampling.BILINEAR))
        normalised = (pixels.astype(np.float32) - np.float32(self.backbone.mean)) / np.float32(self.backbone.scale)
        return torch.from_numpy(normalised).permute(2, 0, 1)


def plain(files: list[Path], module: torch.nn.Module) -> Floats:
    """The tutorial's way."""
    with torch.inference_mode():
        return np.concatenate([module(batch).numpy() for batch in DataLoader(Photos(files), batch_size=BATCH)])


def enlarged(files: list[Path], folder: Path) -> list[Path]:
    """JPEG copies at a camera's size."""
    folder.mkdir(parents=True)
    made = []
    for number, file in enumerate(files):
        made.append(folder / f"{number}.jpg")
        with Image.open(file) as image:
            image.convert("RGB").resize(LARGE, Image.Resampling.BICUBIC).save(made[-1], quality=90)
    return made


if __name__ == "__main__":
    main()
