"""Strategies choose what to label next. To add one, add a function and a line to REGISTRY."""

from mlcore.strategies.auto import auto
from mlcore.strategies.badge import badge
from mlcore.strategies.bald import bald
from mlcore.strategies.base import Strategy
from mlcore.strategies.chance import random
from mlcore.strategies.coreset import coreset
from mlcore.strategies.margin_kmeans import margin_kmeans
from mlcore.strategies.maxherding import maxherding
from mlcore.strategies.probcover import probcover
from mlcore.strategies.reconstruction import reconstruction
from mlcore.strategies.typiclust import typiclust
from mlcore.strategies.uherding import uherding, uherding_balanced
from mlcore.strategies.uncertainty import entropy, least_confidence, margin

REGISTRY: dict[str, Strategy] = {
    "auto": auto,
    "random": random,
    "margin": margin,
    "entropy": entropy,
    "least_confidence": least_confidence,
    "maxherding": maxherding,
    "uherding": uherding,
    "uherding_balanced": uherding_balanced,
    "typiclust": typiclust,
    "coreset": coreset,
    "margin_kmeans": margin_kmeans,
    "bald": bald,
    "badge": badge,
    "probcover": probcover,
    "reconstruction": reconstruction,
}

# What stands in for a strategy that needs a model while there is none. The classics begin as they are known: at random.
STARTS: dict[str, str] = {
    "margin": "random",
    "entropy": "random",
    "least_confidence": "random",
    "margin_kmeans": "random",
    "bald": "random",
    "badge": "random",
    "reconstruction": "random",
    "uherding": "maxherding",
    "uherding_balanced": "maxherding",
}
