"""BALD: ask where equally plausible models disagree. Houlsby et al. 2011, arXiv 1112.5745."""

import numpy as np

from mlcore.heads.base import softmax
from mlcore.strategies.base import best, entropy_of, extended, in_blocks, probabilities_of, sample
from mlcore.strategies.committee import committee
from mlcore.types import Floats, Ints, Pool, Selection

CANDIDATES = 50_000
# Labelled rows that the committee is fitted on.
TEACHERS = 5000
# Logits computed at a time.
LOGITS = 2_000_000


def bald(pool: Pool, k: int, *, seed: int) -> Selection:
    """Highest mutual information between the answer and the weights, by logistic regressions drawn from their posterior.

    A head is one set of weights, so there is nothing in it to disagree: the committee is fitted here on the labels.
    """
    probabilities_of(pool)
    rng = np.random.default_rng(seed)
    # In random order, which decides between equal scores.
    rows: Ints = rng.permutation(sample(np.flatnonzero(pool.choosable), CANDIDATES, rng))
    taught = sample(np.flatnonzero(pool.labelled), TEACHERS, rng)
    weights, bias = committee(pool.features[taught], pool.labels[taught], rng)
    members, classes, dim = weights.shape
    flat = np.ascontiguousarray(weights.reshape(-1, dim).T)

    def score(some: Ints) -> Floats:
        logits = (pool.features[some] @ flat).reshape(-1, classes) + bias
        return disagreement(softmax(logits).reshape(-1, members, classes))

    scores = in_blocks(score, rows, max(LOGITS // (members * classes), 1))
    return extended(best(rows, scores, k), pool, k, rng)


def disagreement(probabilities: Floats) -> Floats:
    """(n,) float32 >= 0: mutual information, in nats, of probabilities (n, members, C).

    The entropy of what the committee says together, less the mean entropy of what each of it says.
    """
    together = entropy_of(probabilities.mean(axis=1))
    each = entropy_of(probabilities).mean(axis=1)
    return np.asarray(np.maximum(together - each, 0.0), np.float32)
