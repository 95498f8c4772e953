"""What the quick features are worth: the same head on them and on exact ones, and whose nearest neighbour stays the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from mlcore import backbones
from mlcore.device import pick
from mlcore.edge.preprocess import load_rgb, to_input
from mlcore.heads import REGISTRY as HEADS
from mlcore.projection import Projection
from mlcore.types import Floats, Ints

# Large enough to be decoded at half its size, so that the quick path leaves something out.
SIZE = (1280, 960)
IMAGES, LABELS, SEEDS = 400, 200, 5
HEAD = "blend"


def fidelity(source: Path, folder: Path) -> dict[str, Any]:
    """Accuracy of a head at 200 labels, 5 seeds, on quick and exact features of the same pictures, one folder a class."""
    files, labels = enlarged(source, folder)
    extractor = backbones.extractor(backbones.DEFAULT, threads=1)
    quick = np.stack([found for _, found in extractor.embed_sources(files) if isinstance(found, np.ndarray)])
    features = {"exact": exact(files), "ours": quick}
    unit = {which: rows / np.linalg.norm(rows, axis=1, keepdims=True) for which, rows in features.items()}
    cosines = (unit["exact"] * unit["ours"]).sum(axis=1)
    reached = {which: [accuracy(rows, labels, seed) for seed in range(SEEDS)] for which, rows in features.items()}
    differences = np.subtract(reached["ours"], reached["exact"])
    return {
        "pictures": f"{SIZE[0]} x {SIZE[1]} JPEG", "images": len(files), "labels": LABELS, "seeds": SEEDS, "head": HEAD,
        "features": extractor.fingerprint,
        "accuracy": {
            which: {"mean": mean(found), "std": round(float(np.std(found)), 4)} for which, found in reached.items()
        },
        "accuracy_difference": {"mean": mean(differences), "largest": round(float(np.abs(differences).max()), 4)},
        "same_nearest_neighbour": round(float((neighbour(unit["exact"]) == neighbour(unit["ours"])).mean()), 4),
        "cosine": {"mean": mean(cosines), "min": round(float(cosines.min()), 4)},
    }


def exact(files: list[Path]) -> Floats:
    """Every pixel decoded, the network in OpenVINO's float32, which tests hold to be torch's."""
    device = replace(pick("cpu"), openvino_precision="f32")
    extractor = backbones.extractor(backbones.DEFAULT, device=device, threads=1)
    size = extractor.backbone.input_size
    return np.concatenate([extractor.embed(to_input(load_rgb(file, None), size)[None]) for file in files])


def accuracy(rows: Floats, labels: Ints, seed: int) -> float:
    """Of a head that learnt from so many labels drawn at random, on all the others."""
    z = Projection().fit(rows).transform(rows)
    order = np.random.default_rng(seed).permutation(len(labels))
    known, asked = order[:LABELS], order[LABELS:]
    head = HEADS[HEAD]().fit(z[known], labels[known], int(labels.max()) + 1, z, seed)
    return float((head.predict_proba(z[asked]).argmax(axis=1) == labels[asked]).mean())


def neighbour(unit: Floats) -> Ints:
    """(n,) the row most similar to each, itself left out."""
    cosines = unit @ unit.T
    np.fill_diagonal(cosines, -2.0)
    return cosines.argmax(axis=1)


def enlarged(source: Path, folder: Path) -> tuple[list[Path], Ints]:
    """JPEG copies at a camera's size, evenly of all classes, and the class of each."""
    found = [(path, number) for number, part in enumerate(sorted(path for path in source.iterdir() if path.is_dir()))
             for path in sorted(part.iterdir()) if path.suffix in {".jpg", ".png"}]
    found = found[:: max(1, len(found) // IMAGES)][:IMAGES]
    folder.mkdir(parents=True)
    files = []
    for number, (path, _) in enumerate(found):
        files.append(folder / f"{number}.jpg")
        with Image.open(path) as image:
            image.convert("RGB").resize(SIZE, Image.Resampling.BICUBIC).save(files[-1], quality=90)
    return files, np.asarray([label for _, label in found], np.int64)


def mean(values: Any) -> float:
    """To four digits."""
    return round(float(np.mean(values)), 4)
