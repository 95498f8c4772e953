"""The temporary classifier on top of the backbone while it is fine-tuned; the head takes its place afterwards."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from mlcore.heads.softmax_fit import class_weights, fit_softmax
from mlcore.types import Floats, Ints

# As in the head: weak regularisation, and rare classes count for more by the root of their rarity.
C = 100.0
WEIGHT_POWER = 0.5
# Keeps the slope of the square root finite where a feature is 0.
_FLOOR = 1e-3


class Classifier(nn.Module):
    """Pooled features (n, dim) to logits (n, classes), in the geometry of the projection: square root, length 1, linear.

    So what is learnt here is what the head will look at.
    """

    def __init__(self, dim: int, classes: int) -> None:
        super().__init__()
        self.linear = nn.Linear(dim, classes)

    def forward(self, pooled: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.linear(rooted(pooled))
        return logits

    def start_from(self, pooled: Floats, labels: Ints) -> None:
        """Begin with the logistic regression of frozen features (n, dim): a random start would first spoil the backbone.

        Linear probing, then fine-tuning: Kumar et al., ICLR 2022, arXiv 2202.10054.
        """
        classes = self.linear.out_features
        features = rooted(torch.from_numpy(pooled)).numpy()
        weights, bias = fit_softmax(
            features, labels, classes, sample_weights=class_weights(labels, classes, WEIGHT_POWER), c=C, intercept=True
        )
        with torch.no_grad():
            self.linear.weight.copy_(torch.from_numpy(weights.astype(np.float32)))
            self.linear.bias.copy_(torch.from_numpy(bias.astype(np.float32)))


def rooted(pooled: torch.Tensor) -> torch.Tensor:
    """Square roots of pooled features (n, dim), scaled to length 1, float32 whatever comes in."""
    return functional.normalize((pooled.float().clamp_min(0) + _FLOOR).sqrt(), dim=1)


class Tuned(nn.Module):
    """What is trained: the tail of the backbone and the classifier."""

    def __init__(self, tail: nn.Module, classifier: Classifier) -> None:
        super().__init__()
        self.tail = tail
        self.classifier = classifier

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Inputs of the tail to logits (n, classes)."""
        logits: torch.Tensor = self.classifier(self.tail(inputs))
        return logits
