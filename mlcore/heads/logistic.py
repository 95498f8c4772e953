"""Plain logistic regression with a learnt temperature."""

from mlcore.heads.mixture import Mixture
from mlcore.heads.parts import logistic


class Logistic(Mixture):
    """Multinomial logistic regression, C = 100, classes weighted by count ** -0.5."""

    parts = (logistic,)
