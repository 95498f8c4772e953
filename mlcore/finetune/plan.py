"""What is trained on when: the images held out, the batches of each epoch, the learning rate of each step."""

import math

import numpy as np

from mlcore.finetune.recipe import Recipe
from mlcore.types import Ints

# The share of all steps in which the learning rate rises, and what it ends at.
WARM, COLD = 0.1, 0.01


def split(rows: Ints, labels: Ints, *, share: float, seed: int) -> tuple[Ints, Ints]:
    """(train, held out) of rows (n,) with labels (n,): `share` of each class that has two or more; at least one in all."""
    rng = np.random.default_rng(seed)
    held: list[int] = []
    for number in np.unique(labels):
        mine = rng.permutation(rows[labels == number])
        held += mine[: min(len(mine) - 1, round(share * len(mine)))].tolist()
    if not held and len(rows) > 1:
        held = [int(rows[labels == np.bincount(labels).argmax()][0])]
    held_out = np.sort(np.asarray(held, np.int64))
    return np.setdiff1d(rows, held_out), held_out


def batches(train: Ints, *, recipe: Recipe, epoch: int, processes: int) -> list[tuple[Ints, Ints]]:
    """(rows, views) of each step of an epoch; it depends on nothing but the arguments.

    Of equal size, give or take one, so that no step has fewer images than there are processes.
    """
    rng = np.random.default_rng([recipe.seed, epoch])
    order = rng.permutation(train)
    views = rng.integers(recipe.views, size=len(order))
    count = max(1, len(order) // max(recipe.batch, processes))
    return list(zip(np.array_split(order, count), np.array_split(views, count), strict=True))


def schedule(step: int, steps: int) -> float:
    """The learning rate's factor: up in a straight line, then down along a cosine (Loshchilov and Hutter, ICLR 2017)."""
    warm = max(1, round(WARM * steps))
    if step < warm:
        return (step + 1) / warm
    return COLD + (1 - COLD) * 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm)))
