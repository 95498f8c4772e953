"""A fine-tuned backbone leaves in a bundle like any other: its own weights, under its own name."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
import torch

from mlcore import backbones
from mlcore.export import ExportProblem, export_classifier
from tests.export.conftest import Learnt, learn
from tests.export.moment import time_for_a_moment


@pytest.fixture
def tuned(tiny: str, tmp_path: Path) -> Path:
    """A folder with one fine-tuned backbone."""
    base = backbones.REGISTRY[tiny]
    torch.manual_seed(3)
    state = {name: tensor + 0.3 * torch.randn_like(tensor) for name, tensor in base.module().state_dict().items()}
    root = tmp_path / "tuned"
    backbones.save_tuned(root, base=base, state_dict=state, recipe={}, made_at="2026-11-23")
    return root


@pytest.fixture
def model(tuned: Path, photos: Path, monkeypatch: pytest.MonkeyPatch) -> Learnt:
    """A small model learnt from its features."""
    (name,) = (entry.name for entry in tuned.iterdir())
    monkeypatch.setitem(backbones.REGISTRY, name, backbones.find(name, tuned))
    made = learn(name, photos, each=4)
    monkeypatch.delitem(backbones.REGISTRY, name)
    return made


def test_its_bundle_answers_as_it_does(
    model: Learnt, tuned: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    time_for_a_moment(monkeypatch)
    result = export_classifier(**model.arguments(), out_dir=tmp_path / "out", tuned=tuned)

    full = next(row for row in result.report if row.precision == "FP32")
    assert full.max_diff < 1e-3 and full.agreement == 1.0
    assert result.manifest["lineage"]["backbone"] == model.backbone
    with zipfile.ZipFile(result.path) as bundle:
        expected = json.loads(bundle.read(next(name for name in bundle.namelist() if name.endswith("expected.json"))))
    assert {one["label"] for one in expected["FP32"]} == set(model.names)


def test_without_its_folder_the_export_says_what_is_missing(model: Learnt, tmp_path: Path) -> None:
    with pytest.raises(ExportProblem, match="tuned-"):
        export_classifier(**model.arguments(), out_dir=tmp_path / "out", tuned=tmp_path)
    assert not (tmp_path / "out").exists()
