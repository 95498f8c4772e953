"""What each backbone that is here costs and knows: milliseconds an image, and accuracy with few labels and with all.

    python -m benchmarks.backbones [--photos FOLDER] [--seeds 5] [--json PATH]

Time is CPU time of the network alone on one thread, batches of eight, the median of several. Accuracy is on images held out
of each split: after so many labels drawn at random, with the default head, and with every label of the pool and plain
logistic regression. The same splits and draws for every backbone.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common import deliver, parser
from mlcore.backbones import REGISTRY, Backbone, extractor
from mlcore.edge.preprocess import load_rgb, to_input
from mlcore.evaluation import accuracy, macro_f1
from mlcore.labelled_folder import SUFFIXES, LabelledFolder, read_labelled_folder
from mlcore.simulate import prepare, replay, split
from tests.photos import real_photos, write_digits

LABELS = (50, 100, 200)
TEST = 0.3
BATCH, ROUNDS = 8, 9


def main() -> None:
    """Measure and deliver."""
    made = parser(__doc__)
    made.add_argument("--photos", type=Path, help="a folder with one folder of images for each class")
    made.add_argument("--seeds", type=int, default=5)
    options = made.parse_args()
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        source = options.photos or real_photos() or write_digits(place / "digits")
        rows = [measure(spec, source, place, options.seeds) for spec in REGISTRY.values() if spec.available()]
    missing = [spec.name for spec in REGISTRY.values() if not spec.available()]
    result = {"photos": source.name, "images": rows[0]["images"], "labels": list(LABELS), "seeds": options.seeds}
    deliver(result | {"rows": rows, "missing": missing}, options.json)


def measure(spec: Backbone, source: Path, place: Path, seeds: int) -> dict[str, Any]:
    """One backbone: its cost, and what can be learnt from its features."""
    made = extractor(spec.name, folder=place / "ir")
    found = read_labelled_folder(source, extractor=made, store_root=place / "features")
    return {
        "backbone": spec.name, "title": spec.title, "licence": spec.licence, "dim": spec.dim, "input_size": spec.input_size,
        "macs_m": spec.macs, "weights_mb": round(spec.weights().stat().st_size / 1e6, 1), "images": len(found.labels),
        "precision": made.precision, "cpu_ms": cpu_milliseconds(spec, source, place), **learnt(found, seeds),
    }


def cpu_milliseconds(spec: Backbone, source: Path, place: Path) -> float:
    """CPU time an image of the network alone."""
    alone = extractor(spec.name, folder=place / "ir", threads=1)
    files = sorted(path for path in source.rglob("*") if path.suffix.lower() in SUFFIXES)[:BATCH]
    pixels = np.stack([to_input(load_rgb(path, spec.input_size), spec.input_size) for path in files])
    spent = []
    for _ in range(ROUNDS + 1):
        began = time.process_time()
        alone.embed(pixels)
        spent.append(time.process_time() - began)
    # The first one warms up.
    return round(1000 * statistics.median(spent[1:]) / len(pixels), 2)


def learnt(found: LabelledFolder, seeds: int) -> dict[str, Any]:
    """Accuracy and macro F1 on held-out images, mean and standard deviation over the splits."""
    n_classes = len(found.classes)
    full: dict[str, list[float]] = {"accuracy": [], "macro_f1": []}
    few: dict[str, list[list[float]]] = {"accuracy": [], "macro_f1": []}
    for seed in range(seeds):
        held_out = found.held_out if found.held_out is not None else split(found.labels, test=TEST, seed=seed)
        trial = prepare(found.gap, found.labels, n_classes, held_out=held_out, seed=seed)
        full["accuracy"].append(trial.full_accuracy)
        full["macro_f1"].append(trial.full_macro_f1)
        points = list(replay(trial, LABELS, strategy="random"))
        few["accuracy"].append([accuracy(trial.expected, point.guess) for point in points])
        few["macro_f1"].append([macro_f1(trial.expected, point.guess, n_classes) for point in points])
    spreads = {name: _spread(each) for name, each in few.items()}
    return {"full": {name: _spread(each) for name, each in full.items()}, "few": spreads}


def _spread(values: Any) -> dict[str, Any]:
    numbers = np.asarray(values, np.float64)
    deviation = numbers.std(axis=0, ddof=1 if len(numbers) > 1 else 0)
    return {"mean": numbers.mean(axis=0).round(4).tolist(), "std": deviation.round(4).tolist()}


if __name__ == "__main__":
    main()
