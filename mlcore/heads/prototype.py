"""Nearest class mean with a learnt temperature."""

from mlcore.heads.mixture import Mixture
from mlcore.heads.parts import prototype


class Prototype(Mixture):
    """Cosine to the mean of each class: strong at the first labels, weak on classes with several looks."""

    parts = (prototype,)
