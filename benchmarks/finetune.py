"""What fine-tuning is worth: the same labels, the same head, once on the frozen backbone and once on the tuned one.

    python -m benchmarks.finetune [photos digits] [--labels 150 300] [--seeds 1] [--keep FOLDER] [--json PATH]

On photos, which are close to what the backbone was trained on, and on handwritten digits, which are far from it. Images are
drawn at random: `--pool` to learn from, of which the first N are labelled, and `--test` others to test on, which nothing
else sees. Training, saving, conversion and features go the way they go in the product, on one thread. CPU seconds count the
training alone. McNemar's exact test asks whether the tuned model is better on the very same test images, as the product
does before it lets one serve; `audit` is how many audit labels would have shown it, four times out of five. What `--keep`
holds is not run again. Where the processor has bfloat16, an epoch is timed in it too.
"""

from __future__ import annotations

import hashlib
import json
import resource
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.common import deliver, parser
from mlcore import backbones
from mlcore.compare import enough_images, mcnemar
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
# More of one digit than there are.
ALL = 1000


@dataclass(frozen=True)
class Pictures:
    """Where a set comes from (None where it is not here), what is measured on it, and whether mirrored ones may be shown."""

    folder: Callable[[Path], Path | None]
    labels: tuple[int, ...]
    seeds: int
    mirror: bool = True


SETS = {
    "photos": Pictures(lambda _: real_photos(), (150, 300, 600), seeds=1),
    "digits": Pictures(lambda place: write_digits(place / "digits", each=ALL), (100, 150, 300), seeds=2, mirror=False),
}


def main() -> None:
    """Every set, every number of labels, every seed."""
    made = parser(__doc__)
    made.add_argument("sets", nargs="*", metavar="SET", help=f"some of {', '.join(SETS)} (default: all that are here)")
    made.add_argument("--labels", type=int, nargs="+", help="instead of the usual ones of the set")
    made.add_argument("--pool", type=int, default=700)
    made.add_argument("--test", type=int, default=500)
    made.add_argument("--seeds", type=int, help="instead of the usual ones of the set")
    made.add_argument("--mode", default="partial")
    made.add_argument("--keep", type=Path, metavar="FOLDER", help="keep each run there, and do not run again what it holds")
    options = made.parse_args()
    if unknown := set(options.sets) - set(SETS):
        made.error(f"{', '.join(sorted(unknown))} is not among {', '.join(SETS)}")
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        keep = options.keep or place / "keep"
        keep.mkdir(parents=True, exist_ok=True)
        found = [measure(each, options, place=place / each, keep=keep) for each in options.sets or SETS]
        taken = [each for each in found if each is not None]
        result = {"pool": options.pool, "backbone": BACKBONE, "head": HEAD, "sets": taken, "bfloat16": bfloat16(place)}
    deliver(result, options.json)


def measure(name: str, options: Any, *, place: Path, keep: Path) -> dict[str, Any] | None:
    """One set; None where it is not here."""
    pictures = SETS[name]
    place.mkdir()
    folder = pictures.folder(place)
    if folder is None:
        return None
    paths, labels, classes = read(folder)
    recipe = Recipe.for_mode(options.mode, mirror=pictures.mirror)
    rows = []
    for seed in range(options.seeds or pictures.seeds):
        order = np.random.default_rng(seed).permutation(len(paths))
        for count in options.labels or pictures.labels:
            kept = keep / f"{name}-{options.mode}-{options.pool}-{options.test}-{seed}-{count}.json"
            if not kept.exists():
                frozen = frozen_features(paths, place, keep / f"{name}.npy")
                world = Split(labels, classes, order[: options.pool], order[options.pool :][: options.test], count)
                row = one(world, paths, frozen, replace(recipe, seed=seed), place / f"{seed}-{count}")
                kept.write_text(json.dumps(row))
            rows.append(json.loads(kept.read_text()))
    return {
        "set": name, "folder": folder.name, "images": len(paths), "classes": classes, "recipe": asdict(recipe), "rows": rows,
    }


def frozen_features(paths: list[Path], place: Path, kept: Path) -> Floats:
    """Those of the backbone as it comes, computed once."""
    if not kept.exists():
        np.save(kept, embed(BACKBONE, paths, place))
    found: Floats = np.load(kept)
    return found


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
        "p": round(mcnemar(lost, gained), 5), "audit": enough_images(lost, gained, len(world.test)),
        "train_cpu_s": round(seconds, 1), "precision": facts["precision"], "epochs": len(facts["history"]) - 1,
        "best_epoch": facts["best"]["number"], "held_out": facts["held_out"],
        "held_out_accuracy": [round(line["held_out_accuracy"], 4) for line in facts["history"]],
        "held_out_loss": [round(line["held_out_loss"], 4) for line in facts["history"]],
    }


def bfloat16(place: Path) -> dict[str, Any] | None:
    """One epoch in float32 and in bfloat16; None where this processor has no bfloat16, for there it says nothing."""
    if pick("cpu").torch_dtype != "bfloat16":
        return None
    paths, labels, classes = read(write_digits(place / "some", each=8))
    base = backbones.find(BACKBONE)
    seconds = {}
    for precision in ("f32", "bf16"):
        folder = place / precision
        folder.mkdir()
        recipe = replace(Recipe.for_mode("full", epochs=1), precision=precision)
        began = cpu()
        finetune(
            base.module(), paths, labels, classes=classes, look=Look(base.input_size, base.mean, base.scale),
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
