"""What is trained on when: the images held out, the batches of each epoch, the learning rate of each step."""

import math
from dataclasses import dataclass

import numpy as np

from mlcore.finetune.recipe import Recipe
from mlcore.types import Floats, Ints

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


@dataclass(frozen=True)
class Step:
    """What one step learns from: n images (rows) in some view, each blended with one of the others of the step.

    partners (n,): places in `rows`. shares (n,) float32: how much of each is its own and not its partner's, 1 where nothing
    is mixed. Between mixed activations and mixed labels the network is straight: Zhang et al., ICLR 2018, arXiv 1710.09412;
    in the middle of a network: Verma et al., ICML 2019, arXiv 1806.05236.
    """

    rows: Ints
    views: Ints
    partners: Ints
    shares: Floats


def batches(train: Ints, *, recipe: Recipe, epoch: int, processes: int) -> list[Step]:
    """The steps of an epoch; they depend on nothing but the arguments.

    Of equal size, give or take one, so that no step has fewer images than there are processes.
    """
    rng = np.random.default_rng([recipe.seed, epoch])
    order = rng.permutation(train)
    views = rng.integers(recipe.views, size=len(order))
    count = max(1, len(order) // max(recipe.batch, processes))
    steps = []
    for rows, seen in zip(np.array_split(order, count), np.array_split(views, count), strict=True):
        partners = rng.permutation(len(rows))
        shares = rng.beta(recipe.mix, recipe.mix, len(rows)) if recipe.mix else np.ones(len(rows))
        steps.append(Step(rows, seen, partners, shares.astype(np.float32)))
    return steps


def schedule(step: int, steps: int) -> float:
    """The learning rate's factor: up in a straight line, then down along a cosine (Loshchilov and Hutter, ICLR 2017)."""
    warm = max(1, round(WARM * steps))
    if step < warm:
        return (step + 1) / warm
    return COLD + (1 - COLD) * 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm)))
