"""A small model learnt from real photos, and what its export needs."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlcore import backbones
from mlcore.convert import InputContract
from mlcore.edge.preprocess import load_rgb, to_input
from mlcore.heads import REGISTRY as HEADS
from mlcore.projection import Projection
from tests.export.tiny import tiny_backbone

# Photos of each class: the even ones teach, the odd ones judge.
EACH = 10


@dataclass
class Learnt:
    """A head fitted on photos, what it says of each, and everything that export_classifier asks for."""

    backbone: str
    names: list[str]
    paths: list[Path]
    truth: np.ndarray
    projection: Projection
    head: Any
    probabilities: np.ndarray

    def arguments(self, **changes: Any) -> dict[str, Any]:
        """Keyword arguments of export_classifier."""
        teach = np.arange(len(self.paths)) % 2 == 0
        return {
            "backbone": self.backbone,
            "projection_state": self.projection.state(),
            "head_name": "blend",
            "head_state": self.head.state(),
            "class_names": self.names,
            "class_colors": ["#336699"] * len(self.names),
            "calibration": [path for path, one in zip(self.paths, teach, strict=True) if one],
            "audit": [(str(self.paths[i]), int(self.truth[i])) for i in np.flatnonzero(~teach)],
            "sample": self.paths[0],
            "lineage": {"project": "Photos", "model_version": 3, "annotations_hash": "ab" * 32},
            **changes,
        }


def learn(backbone: str, photos: Path, each: int = EACH) -> Learnt:
    """Fit the default head on half of the photos, with features from torch."""
    import torch

    names = sorted(folder.name for folder in photos.iterdir() if folder.is_dir())
    paths, truth = [], []
    for number, name in enumerate(names):
        found = sorted(path for path in (photos / name).rglob("*") if path.suffix in (".jpg", ".png"))[:each]
        paths += found
        truth += [number] * len(found)
    spec = backbones.REGISTRY[backbone]
    contract = InputContract(spec.input_size, spec.mean, spec.scale)
    pixels = np.stack([to_input(load_rgb(path, spec.input_size), spec.input_size) for path in paths])
    module = spec.module()
    with torch.inference_mode():
        pooled = np.concatenate(
            [module(torch.from_numpy(contract.normalise(part))).numpy() for part in np.array_split(pixels, 8)]
        )
    projection = Projection().fit(pooled)
    teach = np.arange(len(paths)) % 2 == 0
    labels = np.array(truth)
    head = HEADS["blend"]().fit(projection.transform(pooled)[teach], labels[teach], len(names))
    features = projection.transform(pooled)
    return Learnt(backbone, names, paths, labels, projection, head, head.predict_proba(features))


@pytest.fixture(scope="module")
def tiny() -> Iterator[str]:
    """The name of a registered backbone that takes no time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(backbones.REGISTRY, "tiny", tiny_backbone(Path(__file__)))
        yield "tiny"


@pytest.fixture(scope="module")
def tiny_learnt(tiny: str, photos: Path) -> Learnt:
    return learn(tiny, photos, each=8)


@pytest.fixture(scope="session")
def learnt(photos: Path) -> Learnt:
    """The default backbone, as a project would have it."""
    return learn(backbones.DEFAULT, photos)
