"""Heads turn features into class probabilities. To add one, add a file and a line to a registry."""

from mlcore.heads.base import Head
from mlcore.heads.blend import Blend
from mlcore.heads.knn import NearestNeighbours
from mlcore.heads.logistic import Logistic
from mlcore.heads.multilabel import MultiLabelHead, OneVsRest
from mlcore.heads.prototype import Prototype

# An image is of exactly one class.
REGISTRY: dict[str, type[Head]] = {
    "blend": Blend,
    "logistic": Logistic,
    "prototype": Prototype,
    "knn": NearestNeighbours,
}
# An image may be of several classes at once, or of none.
MULTI_LABEL: dict[str, type[MultiLabelHead]] = {"multilabel": OneVsRest}
