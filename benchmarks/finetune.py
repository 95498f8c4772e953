"""What fine-tuning is worth: the same labels, the same head, once on the frozen backbone and once on the tuned one.

    python -m benchmarks.finetune [--photos FOLDER] [--labels 150 300 600] [--seeds 1] [--mode partial] [--json PATH]

Images are drawn at random: `--pool` to learn from, of which the first N are labelled, and `--test` others to test on, which
nothing else sees. Training, saving, conversion and features go the way they go in the product, on one thread. CPU seconds
count the training alone. McNemar's exact test asks whether the tuned model is better on the very same test images, as the
product does before it lets one serve. Where the processor has bfloat16, an epoch is timed in it too.
"""

from __future__ import annotations

import hashlib
import resource
import tempfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.common import deliver, parser
from mlcore import backbones
from mlcore.compare import mcnemar
from mlcore.device import pick
from mlcore.edge.preprocess import UnreadableImage
from mlcore.evaluation import wilson
from mlcore.finetune.inputs import Look
from mlcore.finetune.recipe import Recipe
from mlcore.finetune.train import finetune
from mlcore.heads import REGISTRY as HEADS
from mlcore.projection import Projection
from mlcore.types import Floats, Ints
from tests.photos import real_photos, write_digits

BACKBONE = "lite0"
HEAD = "blend"


def main() -> None:
    """Every number of labels, every seed."""
    made = parser(__doc__)
    made.add_argument("--photos", type=Path, help="a folder with one folder of images for each class")
    made.add_argument("--labels", type=int, nargs="+", default=[150, 300, 600])
    made.add_argument("--pool", type=int, default=1000)
    made.add_argument("--test", type=int, default=700)
    made.add_argument("--seeds", type=int, default=1)
    made.add_argument("--mode", default="partial")
    made.add_argument("--rate", type=float, help="the highest learning rate of the backbone, instead of the usual")
    made.add_argument("--epochs", type=int, help="instead of the usual")
    options = made.parse_args()
    torch.set_num_threads(1)
    recipe = Recipe.for_mode(options.mode, epochs=options.epochs)
    if options.rate:
        recipe = replace(recipe, rate=options.rate)
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        source = options.photos or real_photos() or write_digits(place / "digits")
        paths, labels, classes = read(source)
        frozen = embed(BACKBONE, paths, place)
        rows = []
        for seed in range(options.seeds):
            order = np.random.default_rng(seed).permutation(len(paths))
            pool, test = order[: options.pool], order[options.pool :][: options.test]
            for count in options.labels:
                world = Split(labels, classes, pool, test, count)
                rows.append(one(world, paths, frozen, replace(recipe, seed=seed), place / f"{seed}-{count}"))
        result = {
            "folder": source.name, "images": len(paths), "classes": classes, "pool": options.pool, "backbone": BACKBONE,
            "head": HEAD, "recipe": asdict(recipe), "rows": rows, "bfloat16": bfloat16(paths, labels, classes, place),
        }
    deliver(result, options.json)


class Split:
    """Rows of images: learnt from (pool, of which the first `count` have labels) and tested on."""

    def __init__(self, labels: Ints, classes: int, pool: Ints, test: Ints, count: int) -> None:
        self.labels, self.classes, self.pool, self.test, self.labelled = labels, classes, pool, test, pool[:count]

    def right(self, features: Floats) -> np.ndarray:
        """Which test images the product's head gets right after learning from these features (n, dim) of all images."""
        projection = Projection().fit(features[self.pool])
        z = projection.transform(features)
        head = HEADS[HEAD]().fit(z[self.labelled], self.labels[self.labelled], self.classes, pool=z[self.pool])
        return head.predict_proba(z[self.test]).argmax(axis=1) == self.labels[self.test]


def one(world: Split, paths: list[Path], frozen: Floats, recipe: Recipe, place: Path) -> dict[str, Any]:
    """Frozen against tuned for one number of labels and one seed."""
    place.mkdir()
    base = backbones.find(BACKBONE)
    began = cpu()
    result = finetune(
        base.module(), [paths[row] for row in world.labelled], world.labels[world.labelled], classes=world.classes,
        look=Look(base.input_size, base.mean, base.scale), recipe=recipe, folder=place, device=pick("cpu"),
    )
    seconds = cpu() - began
    name = backbones.save_tuned(place / "tuned", base=base, state_dict=result.weights, recipe={}, made_at="now")
    used = np.concatenate([world.pool, world.test])
    tuned = np.zeros_like(frozen)
    tuned[used] = embed(name, [paths[row] for row in used], place)
    before, after = world.right(frozen), world.right(tuned)
    gained, lost = int((after & ~before).sum()), int((before & ~after).sum())
    facts = result.facts()
    return {
        "labels": len(world.labelled), "seed": recipe.seed, "test_images": len(world.test),
        "frozen": share(before), "tuned": share(after), "gained": gained, "lost": lost,
        "p": round(mcnemar(lost, gained), 4),
        "train_cpu_s": round(seconds, 1), "precision": facts["precision"], "epochs": len(facts["history"]) - 1,
        "best_epoch": facts["best"]["number"], "held_out": facts["held_out"],
        "held_out_accuracy": [round(line["held_out_accuracy"], 4) for line in facts["history"]],
        "held_out_loss": [round(line["held_out_loss"], 4) for line in facts["history"]],
    }


def bfloat16(paths: list[Path], labels: Ints, classes: int, place: Path) -> dict[str, Any] | None:
    """One epoch in float32 and in bfloat16; None where this processor has no bfloat16, for there it says nothing."""
    if pick("cpu").torch_dtype != "bfloat16":
        return None
    base, some = backbones.find(BACKBONE), slice(0, 64)
    seconds = {}
    for precision in ("f32", "bf16"):
        folder = place / precision
        folder.mkdir()
        recipe = replace(Recipe.for_mode("full", epochs=1), precision=precision)
        began = cpu()
        finetune(
            base.module(), paths[some], labels[some], classes=classes, look=Look(base.input_size, base.mean, base.scale),
            recipe=recipe, folder=folder, device=pick("cpu"),
        )
        seconds[precision] = cpu() - began
    times = round(seconds["f32"] / seconds["bf16"], 2)
    return {"f32_cpu_s": round(seconds["f32"], 1), "bf16_cpu_s": round(seconds["bf16"], 1), "times": times}


def read(folder: Path) -> tuple[list[Path], Ints, int]:
    """Every picture once, its class, and how many classes there are."""
    names = sorted(path.name for path in folder.iterdir() if path.is_dir())
    found: dict[str, tuple[Path, int]] = {}
    for number, name in enumerate(names):
        for path in sorted((folder / name).iterdir()):
            found.setdefault(hashlib.sha256(path.read_bytes()).hexdigest(), (path, number))
    paths, labels = zip(*found.values(), strict=True)
    return list(paths), np.asarray(labels, np.int64), len(names)


def embed(name: str, paths: list[Path], place: Path) -> Floats:
    """Pooled features (n, dim) as the product computes them."""
    extractor = backbones.extractor(name, threads=1, folder=place / "ir", tuned=place / "tuned")
    features = np.zeros((len(paths), extractor.dim), np.float32)
    for index, found in extractor.embed_sources(paths):
        if isinstance(found, UnreadableImage):
            raise SystemExit(f"{paths[index]}: {found.message}")
        features[index] = found
    return features


def share(right: np.ndarray) -> dict[str, float]:
    """The share that is right, with Wilson's interval."""
    low, high = wilson(int(right.sum()), len(right))
    return {"accuracy": round(float(right.mean()), 4), "low": round(low, 4), "high": round(high, 4)}


def cpu() -> float:
    """CPU seconds of this process, all its threads."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
