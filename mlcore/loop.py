"""One turn of the loop: from the labels given so far to a model and the order of what to ask next."""

import time
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from mlcore import heads, strategies
from mlcore.evaluation import kappa
from mlcore.heads.base import Calibration, Head, likeliest
from mlcore.reasons import Code, Reason, explain
from mlcore.threads import one_thread
from mlcore.types import Flags, Floats, Ints, Pool, Selection

_T = TypeVar("_T")

__all__ = ["Carry", "Code", "Reason", "Step", "step"]

# Unlabelled rows that a transductive head looks at; more cost time and teach nothing.
POOL_SAMPLE = 10_000
# Calibration and the agreement with the model before are made anew when this many labels have come; calibration,
# whose cost grows with the labels, at least when they have grown by this share.
REFRESH_EVERY = 10
REFRESH_SHARE = 0.05


@dataclass(frozen=True)
class Carry:
    """What the next step takes over. predictions (n,) int16 and labels: the model that kappa is measured against."""

    calibration: Calibration | None = None
    classes: tuple[int, ...] = ()
    predictions: npt.NDArray[np.int16] = field(default_factory=lambda: np.zeros(0, np.int16))
    labels: int = 0
    kappa: float | None = None


@dataclass(frozen=True)
class Step:
    """What one turn gives: model, probabilities (n, C) or None without a label, the queue, and why each is in it.

    timings: seconds for fit, calibrate, score and choose. kappa: agreement on the pool with the model of about ten
    labels before, or None until there were two. predictions (n,) int16, all -1 without a model.
    """

    head: Head | None
    probabilities: Floats | None
    selection: Selection
    reasons: list[Reason]
    timings: dict[str, float]
    kappa: float | None
    predictions: npt.NDArray[np.int16]
    calibrated: bool
    next: Carry

    def carry(self) -> Carry:
        """What to pass as `previous` to the next step of the same project."""
        return self.next


@one_thread()
def step(
    *,
    features: Floats,
    labels: Ints,
    n_classes: int,
    in_flight: Flags,
    excluded: Flags,
    k: int,
    strategy: str = "auto",
    head: str = "blend",
    previous: Carry | None = None,
    seed: int = 0,
) -> Step:
    """Fit on the labelled rows, score every row, and order the k rows to ask for next.

    features (n, d) float32 rows of length 1; labels (n,) with -1 for none; in_flight, excluded (n,) bool. Rows keep
    their place and classes their number from step to step, and new ones come at the end; else pass no previous. An
    excluded row with a label still teaches, so the judge's rows must have none. Raises ValueError for an unknown
    strategy or head, or arrays that disagree.
    """
    choose = _find(strategies.REGISTRY, strategy, "strategy")
    head_type = _find(heads.REGISTRY, head, "head")
    pool = Pool(features, None, labels, in_flight, excluded, n_classes)
    previous = previous or Carry()
    labelled = np.flatnonzero(labels >= 0)
    timings = dict.fromkeys(("fit", "calibrate", "score", "choose"), 0.0)
    model: Head | None = None
    probabilities: Floats | None = None
    predictions = np.full(len(features), -1, np.int16)
    calibrated = False
    carry = Carry()

    if len(labelled):
        model = head_type()
        x, y = features[labelled], labels[labelled]
        others = _soft_pool(features, labels, seed)
        with _Clock(timings, "calibrate"):
            calibration = _still_good(previous, y)
            if calibration is None:
                calibration = model.calibrate(x, y, n_classes, others, seed)
                calibrated = True
        with _Clock(timings, "fit"):
            model.fit(x, y, n_classes, others, seed, calibration=calibration)
        with _Clock(timings, "score"):
            probabilities = model.predict_proba(features)
            predictions = likeliest(probabilities)
        carry = _carried(previous, calibration, y, predictions)

    pool = replace(pool, probabilities=probabilities)
    with _Clock(timings, "choose"):
        if probabilities is None:
            choose = strategies.REGISTRY[strategies.STARTS.get(strategy, strategy)]
        selection = choose(pool, k, seed=seed)
        reasons = explain(pool, selection.indices, strategy)
    return Step(
        head=model,
        probabilities=probabilities,
        selection=selection,
        reasons=reasons,
        timings=timings,
        kappa=carry.kappa,
        predictions=predictions,
        calibrated=calibrated,
        next=carry,
    )


def _soft_pool(features: Floats, labels: Ints, seed: int) -> Floats:
    rows = np.flatnonzero(labels < 0)
    if len(rows) > POOL_SAMPLE:
        rows = np.sort(np.random.default_rng(seed).choice(rows, POOL_SAMPLE, replace=False))
    return features[rows]


def _still_good(previous: Carry, labels: Ints) -> Calibration | None:
    """The calibration made before, unless enough labels have come, some were taken back, or a new class was found."""
    known = previous.calibration
    if known is None or previous.classes != _classes(labels):
        return None
    fresh = max(REFRESH_EVERY, int(REFRESH_SHARE * known["labels"]))
    return known if 0 <= len(labels) - known["labels"] < fresh else None


def _carried(previous: Carry, calibration: Calibration, labels: Ints, predictions: npt.NDArray[np.int16]) -> Carry:
    classes = _classes(labels)
    n = len(labels)
    same = min(len(previous.predictions), len(predictions))
    if same and abs(n - previous.labels) < REFRESH_EVERY:
        return Carry(calibration, classes, previous.predictions, previous.labels, previous.kappa)
    agreement = kappa(previous.predictions[:same], predictions[:same]) if same else None
    return Carry(calibration, classes, predictions, n, agreement)


def _classes(labels: Ints) -> tuple[int, ...]:
    return tuple(int(c) for c in np.unique(labels))


def _find(registry: dict[str, _T], name: str, what: str) -> _T:
    if name not in registry:
        raise ValueError(f"Unknown {what} {name!r}; choose one of {', '.join(registry)}.")
    return registry[name]


class _Clock:
    """Adds the seconds spent inside `with` to one entry of timings."""

    def __init__(self, timings: dict[str, float], name: str) -> None:
        self.timings, self.name = timings, name

    def __enter__(self) -> None:
        self.started = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self.timings[self.name] += time.perf_counter() - self.started
