"""What the same features and the same head reach with images drawn at random: the figure to hold a run against."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from mlcore.loop import step
from mlcore.projection import Projection
from mlcore.store import FeatureStore

SEEDS = 5
DIM = 1280


def random_images(features: Path, truth: Mapping[Path, str], held_out: set[Path], labels: int) -> float:
    """Mean accuracy on the held-out images, over five draws of as many labels.

    features: the folder of the run's feature store; truth: class by image file.
    """
    (folder,) = (path for path in features.iterdir() if path.is_dir())
    store = FeatureStore(features, folder.name, DIM)
    keys = {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in truth}
    # Byte-identical files are one image, and one of the judge's stays with the judge.
    judges = {keys[path] for path in held_out}
    pool = {keys[path]: path for path in truth if keys[path] not in judges}
    names = sorted(set(truth.values()))
    teaching = store.gather(store.rows(list(pool)))
    projection = Projection().fit(teaching)
    z, judged = projection.transform(teaching), projection.transform(store.gather(store.rows([keys[p] for p in held_out])))
    true = np.array([names.index(truth[path]) for path in pool.values()])
    wanted = np.array([names.index(truth[path]) for path in held_out])
    nothing = np.zeros(len(z), bool)
    right = []
    for seed in range(SEEDS):
        drawn = np.random.default_rng(seed).choice(len(z), labels, replace=False)
        given = np.full(len(z), -1)
        given[drawn] = true[drawn]
        turn = step(features=z, labels=given, n_classes=len(names), in_flight=nothing, excluded=nothing, k=1, seed=seed)
        assert turn.head is not None
        right.append(float((turn.head.predict_proba(judged).argmax(1) == wanted).mean()))
    return sum(right) / SEEDS
