"""What a strategy is told about the images and what it answers."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

NO_LABEL = -1


@dataclass(frozen=True)
class Pool:
    """Every image of a project as rows of arrays, in one fixed order.

    features (n, d) float32, each row of length 1. probabilities (n, C) float32, calibrated, or None while there
    is no model. labels (n,) int64, NO_LABEL where nobody answered. in_flight (n,) bool: a person is looking at it now.
    excluded (n,) bool: skipped, flagged or kept for the judge; never chosen, yet still part of what must be covered.

    Raises ValueError when the shapes disagree or a number is not finite.
    """

    features: Floats
    probabilities: Floats | None
    labels: Ints
    in_flight: Flags
    excluded: Flags
    n_classes: int

    def __post_init__(self) -> None:
        n = len(self.features)
        for name in ("labels", "in_flight", "excluded"):
            if len(getattr(self, name)) != n:
                raise ValueError(f"{name} has {len(getattr(self, name))} rows, features has {n}.")
        if n and int(self.labels.max()) >= self.n_classes:
            raise ValueError(f"A label is {int(self.labels.max())}, but there are only {self.n_classes} classes.")
        if self.probabilities is not None:
            if self.probabilities.shape != (n, self.n_classes):
                raise ValueError(f"probabilities is {self.probabilities.shape}, expected {(n, self.n_classes)}.")
            # The usual case in one quick look: a finite sum has no term that is not.
            if not (np.isfinite(self.probabilities.sum()) or np.isfinite(self.probabilities).all()):
                raise ValueError("probabilities holds a number that is not finite.")

    @property
    def labelled(self) -> Flags:
        """(n,) bool: a person has answered."""
        return self.labels >= 0

    @property
    def covered(self) -> Flags:
        """(n,) bool: answered or being answered now; what looks like these need not be asked again."""
        return self.labelled | self.in_flight

    @property
    def choosable(self) -> Flags:
        """(n,) bool: may be asked next."""
        return ~self.labelled & ~self.in_flight & ~self.excluded

    @property
    def counts(self) -> Ints:
        """(C,) int64: labels given to each class."""
        return np.bincount(self.labels[self.labelled], minlength=self.n_classes).astype(np.int64)


@dataclass(frozen=True)
class Selection:
    """Rows to ask for, best first: indices (k,) int64, scores (k,) float32 where higher means sooner."""

    indices: Ints
    scores: Floats

    def __len__(self) -> int:
        return len(self.indices)
