"""scikit-learn-intelex under scikit-learn, where it is installed: the same calls, by oneDAL, on Intel and AMD alike.

Nothing here needs it: k-means, principal axes and neighbours of the product are NumPy on small samples, and loading
scikit-learn would cost a worker more than it saves. It is for code beside it that uses scikit-learn on many rows.
"""

import importlib.util
import sys
from dataclasses import dataclass

PACKAGE = "sklearnex"
# What is faster by it. The rest stays stock: logistic regression gains nothing, forests come out different.
PATCHED = (
    "sklearn.cluster.KMeans", "sklearn.decomposition.PCA", "sklearn.neighbors.NearestNeighbors",
    "sklearn.neighbors.KNeighborsClassifier",
)


@dataclass(frozen=True)
class Acceleration:
    """Whether scikit-learn is accelerated by `patch`; `why` is a sentence for people."""

    on: bool
    why: str


def state(*, wanted: bool = True) -> Acceleration:
    """What `patch` would do here. Imports neither library."""
    if not wanted:
        return Acceleration(False, "scikit-learn is left as it is, as asked.")
    if importlib.util.find_spec(PACKAGE) is None:
        return Acceleration(False, "scikit-learn-intelex is not installed.")
    return Acceleration(True, f"scikit-learn-intelex computes {', '.join(name.rpartition('.')[2] for name in PATCHED)}.")


def patch(*, wanted: bool = True) -> Acceleration:
    """Let oneDAL compute what it is faster at, for all of scikit-learn that this process imports afterwards.

    Clusters and the signs of axes may come out different from stock scikit-learn's, and as good. Raises RuntimeError where
    scikit-learn has been imported already: what holds its classes would keep the stock ones.
    """
    found = state(wanted=wanted)
    if not found.on:
        return found
    if "sklearn" in sys.modules and PACKAGE not in sys.modules:
        raise RuntimeError("scikit-learn has been imported already: call mlcore.accelerate.patch() before.")
    from sklearnex import patch_sklearn

    patch_sklearn(list(PATCHED), verbose=False)
    return found
