"""Single runs, a method with a seed on a set, kept one by one so that a measurement can stop anywhere and go on later."""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.common import commit
from benchmarks.learning_curves.methods import COMPARED, Method
from benchmarks.learning_curves.question import Question, ask, held_out
from benchmarks.learning_curves.sets import ImageSet
from mlcore.evaluation import accuracy, macro_f1
from mlcore.simulate import CLOSE, TARGET, area_under, labels_needed

Result = dict[str, Any]
# Packages that others' methods come from, and what is imported of them.
PEERS = {"scikit-activeml": "skactiveml", "baal": "baal"}
SHARES = {"90": TARGET, "95": CLOSE}


@dataclass(frozen=True)
class Plan:
    """labels every method gets, at most `limit` those that are compared; asked in batches; so many seeds."""

    labels: int
    limit: int
    batch: int
    seeds: int

    def within(self, images: ImageSet) -> Plan:
        """The same, for a set that has fewer images to learn from."""
        pool = min(int((~held_out(images, seed)).sum()) for seed in range(self.seeds))
        fit = pool - pool % self.batch
        return Plan(min(self.labels, fit), min(self.limit, fit), self.batch, self.seeds)


def take(images: ImageSet, methods: Sequence[Method], plan: Plan, cache: Path) -> None:
    """Take the runs that are not there yet. Numbers are computed on one thread, as in the product."""
    for seed in range(plan.seeds):
        missing = [method for method in methods if not _is_there(_place(cache, images, method, seed), images, plan)]
        if not missing:
            continue
        question = ask(images, seed)
        for method in missing:
            with threadpool_limits(1):
                one = _measured(method, question, plan)
            place = _place(cache, images, method, seed)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(json.dumps({"made_for": _made_for(images, plan), "commit": commit(), **one}))
            print(f"{images.name} {method.name}, seed {seed}: {sum(one['cpu_seconds']):.1f} CPU s", flush=True)


def merged(images: ImageSet, methods: Sequence[Method], plan: Plan, cache: Path) -> Result:
    """What the runs say together; methods without all their runs are left out."""
    said: dict[str, Result] = {}
    full: list[Result] = []
    for method in methods:
        places = [_place(cache, images, method, seed) for seed in range(plan.seeds)]
        if all(_is_there(place, images, plan) for place in places):
            each = [json.loads(place.read_text()) for place in places]
            said[method.name] = _together(each, plan)
            full = [one["full"] for one in each]
    read = images.read
    test_images = int(held_out(images, 0).sum())
    return {
        "set": images.name, "images": len(read.labels), "skipped": len(read.skipped),
        "classes": {name: int((read.labels == c).sum()) for c, name in enumerate(read.classes)},
        "features": images.fingerprint, "own_split": read.held_out is not None,
        "pool_images": len(read.labels) - test_images, "test_images": test_images, **asdict(plan),
        "full": {key: _spread([one[key] for one in full]) for key in (full[0] if full else ())},
        "peers": {name: metadata.version(name) for name, module in PEERS.items() if importlib.util.find_spec(module)},
        "methods": said,
    }


def _measured(method: Method, question: Question, plan: Plan) -> Result:
    trial = question.trial
    budget = plan.limit if method.name in COMPARED else plan.labels
    points = range(plan.batch, budget + 1, plan.batch)
    one: Result = {"labels": [], "accuracy": [], "macro_f1": [], "cpu_seconds": []}
    for point in method.run(question, points):
        one["labels"].append(point.labels)
        one["accuracy"].append(round(accuracy(trial.expected, point.guess), 5))
        one["macro_f1"].append(round(macro_f1(trial.expected, point.guess, trial.n_classes), 5))
        one["cpu_seconds"].append(round(point.cpu_seconds, 4))
        close = labels_needed(one["accuracy"], one["labels"], CLOSE * trial.full_accuracy)
        if point.labels >= plan.labels and close is not None:
            break
    return {
        **one,
        "full": {"accuracy": trial.full_accuracy, "macro_f1": trial.full_macro_f1, "majority": trial.majority},
    }


def _together(each: Sequence[Result], plan: Plan) -> Result:
    labels = list(range(plan.batch, plan.labels + 1, plan.batch))
    curves = {key: np.asarray([one[key][: len(labels)] for one in each]) for key in ("accuracy", "macro_f1")}
    return {
        "labels": labels,
        **{key: _spread(curve) for key, curve in curves.items()},
        "needed": {told: _needed(each, share) for told, share in SHARES.items()},
        "area": {key: [round(area_under(row, labels), 4) for row in curve] for key, curve in curves.items()},
        "cpu_seconds_per_step": round(float(np.mean([np.mean(one["cpu_seconds"][: len(labels)]) for one in each])), 4),
        "commits": sorted({one["commit"] for one in each}),
    }


def _needed(each: Sequence[Result], share: float) -> Result:
    """Labels until that share of what all labels give. at_least: their mean, a run that never got there as given."""
    found = [labels_needed(one["accuracy"], one["labels"], share * one["full"]["accuracy"]) for one in each]
    given = [one["labels"][-1] for one in each]
    counted = [last if needed is None else needed for needed, last in zip(found, given, strict=True)]
    return {
        "each": found, "given": given, "reached": sum(needed is not None for needed in found),
        "at_least": _spread(counted),
    }


def _spread(values: Any) -> Result:
    """Mean and sample standard deviation over the first axis, to four places."""
    rows = np.asarray(values, np.float64)
    deviation = rows.std(axis=0, ddof=1 if len(rows) > 1 else 0)
    return {"mean": rows.mean(axis=0).round(4).tolist(), "std": deviation.round(4).tolist()}


def _place(cache: Path, images: ImageSet, method: Method, seed: int) -> Path:
    return cache / "runs" / images.name / re.sub(r"[^a-z0-9_]+", "-", method.name.lower()) / f"{seed}.json"


def _made_for(images: ImageSet, plan: Plan) -> Result:
    """What must be the same for a run to be of use."""
    return {
        "features": images.fingerprint, "images": len(images.read.labels), "classes": list(images.read.classes),
        "labels": plan.labels, "limit": plan.limit, "batch": plan.batch,
    }


def _is_there(place: Path, images: ImageSet, plan: Plan) -> bool:
    return place.is_file() and json.loads(place.read_text())["made_for"] == _made_for(images, plan)
