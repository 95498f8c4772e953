"""Heads turn features into class probabilities. To add one, add a file and a line to REGISTRY."""

from mlcore.heads.base import Head
from mlcore.heads.blend import Blend
from mlcore.heads.knn import NearestNeighbours
from mlcore.heads.logistic import Logistic
from mlcore.heads.prototype import Prototype

REGISTRY: dict[str, type[Head]] = {
    "blend": Blend,
    "logistic": Logistic,
    "prototype": Prototype,
    "knn": NearestNeighbours,
}
