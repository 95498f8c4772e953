"""The order in which to ask about images that somebody picked for being hard: hardest first, and not the same one twice."""

import numpy as np

from mlcore.strategies.base import margin_uncertainty
from mlcore.strategies.coverage import coverage, kernel
from mlcore.strategies.uherding import shrinking_width
from mlcore.types import Floats, Ints


def hardest_first(features: Floats, labelled: Floats, probabilities: Floats | None) -> Ints:
    """(k,) int64: the order of the rows features (k, d); labelled (m, d), probabilities (k, C) or None without a model.

    A row is as hard as the model is unsure of it, or as it is unlike everything labelled, whichever is more. What has been
    chosen stands for what looks like it, so a camera that saw one hard thing a hundred times does not ask about it in a row.
    """
    if not len(features):
        return np.zeros(0, np.int64)
    sigma = shrinking_width(labelled, features)
    hard = 1.0 - coverage(features, labelled, sigma)
    if probabilities is not None:
        hard = np.maximum(hard, margin_uncertainty(probabilities))
    similarity = kernel(features, features, sigma)
    covered = np.zeros(len(features), np.float32)
    order = np.zeros(len(features), np.int64)
    open_rows = np.ones(len(features), np.bool_)
    for place in range(len(features)):
        # The second term decides among what is covered already.
        worth = np.where(open_rows, hard * (1.0 - covered) + 1e-6 * hard, -1.0)
        order[place] = chosen = int(worth.argmax())
        open_rows[chosen] = False
        np.maximum(covered, similarity[chosen], out=covered)
    return order
