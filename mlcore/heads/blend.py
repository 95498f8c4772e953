"""The default head: logistic regression blended with a prototype-anchored one."""

from mlcore.heads.mixture import Mixture
from mlcore.heads.parts import anchored, logistic


class Blend(Mixture):
    """Prototypes carry the first labels, logistic regression the later ones; cross-validation learns how much of each.

    The weight has to be learnt: anchored prototypes alone collapse where classes are imbalanced or have several looks.
    """

    parts = (logistic, anchored)
