"""Which of two models is better, by the same held-out images: said only when chance would hardly explain it."""

import math
from dataclasses import asdict, dataclass
from statistics import NormalDist
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy.stats import binom

from mlcore import heads
from mlcore.evaluation import Estimate, wilson
from mlcore.projection import Projection
from mlcore.threads import one_thread
from mlcore.types import Floats, Ints

Verdict = Literal["won", "lost", "undecided"]

# A new model may be taken for better by mistake this often.
ALPHA = 0.05
# A model whose advantage is surely below this is not worth a change.
WORTH = 0.01
# How sure one wants to be of seeing a difference that is there, when counting the labels for it.
POWER = 0.8


@dataclass(frozen=True)
class Comparison:
    """Two models on the same n images: how many each got right, and whether the difference means anything.

    only_old, only_new: images that just one of them got right; nothing else tells them apart. difference: accuracy of the
    new minus that of the old, with its 95 % interval. p: how often chance alone would favour the new one as much. alpha:
    below which p decides. needed: images of this kind that would probably decide, if the difference is as seen; None where
    the new one is not ahead.
    """

    n: int
    both: int
    only_old: int
    only_new: int
    neither: int
    old: Estimate | None
    new: Estimate | None
    difference: Estimate | None
    p: float
    alpha: float
    needed: int | None
    verdict: Verdict

    def as_dict(self) -> dict[str, Any]:
        """In what JSON can hold."""
        return asdict(self)


def compare(old_right: npt.ArrayLike, new_right: npt.ArrayLike, *, alpha: float = ALPHA) -> Comparison:
    """Hold two models against each other; old_right, new_right (n,) bool: whether each image was answered rightly.

    Won: significantly better by McNemar's exact one-sided test. Lost: significantly worse by the same test, or surely
    less than WORTH better. Undecided: n is too small to tell.
    """
    old, new = np.asarray(old_right, np.bool_), np.asarray(new_right, np.bool_)
    if old.shape != new.shape or old.ndim != 1:
        raise ValueError(f"old_right is {old.shape}, new_right is {new.shape}: both must say something of the same images.")
    n, only_old, only_new = len(old), int((old & ~new).sum()), int((new & ~old).sum())
    p = mcnemar(only_old, only_new)
    difference = paired_difference(only_old, only_new, n) if n else None
    verdict: Verdict = "undecided"
    if p < alpha:
        verdict = "won"
    elif mcnemar(only_new, only_old) < alpha or (difference is not None and difference.high < WORTH):
        verdict = "lost"
    return Comparison(
        n=n,
        both=int((old & new).sum()),
        only_old=only_old,
        only_new=only_new,
        neither=int((~old & ~new).sum()),
        old=_share(int(old.sum()), n),
        new=_share(int(new.sum()), n),
        difference=difference,
        p=p,
        alpha=alpha,
        needed=images_needed(only_old, only_new, n, alpha=alpha) if verdict == "undecided" else None,
        verdict=verdict,
    )


def mcnemar(only_old: int, only_new: int) -> float:
    """Probability that a fair coin favours the new one as much (McNemar 1947, exact, one-sided); 1 without a difference."""
    return float(binom.sf(only_new - 1, only_old + only_new, 0.5)) if only_new else 1.0


def paired_difference(only_old: int, only_new: int, n: int, confidence: float = 0.95) -> Estimate:
    """Difference of two shares of the same n images with its interval (Bonett and Price 2012: adjusted Wald)."""
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    new, old = (only_new + 1) / (n + 2), (only_old + 1) / (n + 2)
    half = z * math.sqrt((new + old - (new - old) ** 2) / (n + 2))
    centre = new - old
    value = (only_new - only_old) / n
    return Estimate(value, max(-1.0, min(value, centre - half)), min(1.0, max(value, centre + half)))


def images_needed(only_old: int, only_new: int, n: int, *, alpha: float = ALPHA, power: float = POWER) -> int | None:
    """How many images would probably tell what n could not: as `enough_images`, and at least one more than n."""
    found = enough_images(only_old, only_new, n, alpha=alpha, power=power)
    return None if found is None else max(found, n + 1)


def enough_images(only_old: int, only_new: int, n: int, *, alpha: float = ALPHA, power: float = POWER) -> int | None:
    """Images of which the test would see a difference such as n have shown, four times out of five (Connor 1987).

    None where the new model is not ahead.
    """
    ahead = only_new - only_old
    if ahead <= 0:
        return None
    apart, difference = (only_old + only_new) / n, ahead / n
    z_alpha, z_power = NormalDist().inv_cdf(1 - alpha), NormalDist().inv_cdf(power)
    root = z_alpha * math.sqrt(apart) + z_power * math.sqrt(max(apart - difference**2, 0.0))
    # The exact test cannot speak before so many images have told the two models apart.
    least = math.ceil(math.log(alpha, 0.5)) / apart
    return max(math.ceil((root / difference) ** 2), math.ceil(least))


@dataclass(frozen=True)
class Material:
    """Pooled features of one backbone for the same images as the other's.

    fit (k, dim): what the projection is fitted on. labelled (n, dim): what the head learns from. others (m, dim):
    unlabelled, for heads that look at them. audit (a, dim): what is judged.
    """

    fit: Floats
    labelled: Floats
    others: Floats
    audit: Floats


@one_thread()
def answers(material: Material, *, labels: Ints, n_classes: int, head: str, seed: int = 0) -> Ints:
    """(a,) int64: what a head says of the audit rows, on a projection of its own; labels (n,) of the labelled rows."""
    projection = Projection().fit(material.fit, seed)
    features, others = projection.transform(material.labelled), projection.transform(material.others)
    model = heads.REGISTRY[head]()
    calibration = model.calibrate(features, labels, n_classes, others, seed)
    model.fit(features, labels, n_classes, others, seed, calibration=calibration)
    return np.asarray(model.predict_proba(projection.transform(material.audit)).argmax(axis=1), np.int64)


def _share(right: int, n: int) -> Estimate | None:
    return Estimate(right / n, *wilson(right, n)) if n else None
