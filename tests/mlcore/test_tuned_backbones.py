"""A fine-tuned backbone is kept with its card, found by its name, and is used like any other."""

import json

import numpy as np
import pytest
import torch

from mlcore import backbones
from tests.export.tiny import SIZE, tiny_backbone


@pytest.fixture
def base(monkeypatch, tmp_path):
    """A small network of the registry whose weights are not needed to build it."""
    made = tiny_backbone(tmp_path / "weights")
    (tmp_path / "weights").write_bytes(b"any")
    monkeypatch.setitem(backbones.REGISTRY, "tiny", made)
    return made


def changed(base):
    """Its weights after some training."""
    torch.manual_seed(7)
    return {name: tensor + 0.1 * torch.randn_like(tensor) for name, tensor in base.module().state_dict().items()}


def save(root, base, state):
    return backbones.save_tuned(root, base=base, state_dict=state, recipe={"epochs": 3}, made_at="2026-11-22T00:00:00Z")


def test_it_gives_the_features_of_the_tuned_weights(base, tmp_path):
    state = changed(base)
    name = save(tmp_path / "tuned", base, state)

    found = backbones.find(name, tmp_path / "tuned")

    expected = base.module()
    expected.load_state_dict(state)
    pixels = torch.from_numpy(np.random.default_rng(0).normal(size=(2, 3, SIZE, SIZE)).astype(np.float32))
    with torch.inference_mode():
        assert torch.equal(found.module()(pixels), expected(pixels))
    assert (found.name, found.dim, found.licence, found.base) == (name, base.dim, base.licence, "tiny")
    assert found.available()


def test_its_fingerprint_is_its_own(base, tmp_path):
    root = tmp_path / "tuned"
    name = save(root, base, changed(base))
    assert backbones.find(name, root).fingerprint("f32") != base.fingerprint("f32")
    assert backbones.fingerprint(name, "f32", tuned=root).startswith(f"{name}-f32-")


def test_the_same_weights_are_kept_once_and_nothing_half_made_is_left(base, tmp_path):
    root = tmp_path / "tuned"
    state = changed(base)
    assert save(root, base, state) == save(root, base, state)
    assert [entry.name for entry in root.iterdir()] == [save(root, base, state)]


def test_what_is_tuned_again_still_stands_on_the_registry(base, tmp_path):
    root = tmp_path / "tuned"
    first = backbones.find(save(root, base, changed(base)), root)
    more = {name: tensor * 2 for name, tensor in first.module().state_dict().items()}
    second = backbones.find(save(root, first, more), root)
    assert second.base == "tiny"
    assert second.name != first.name


@pytest.mark.parametrize("name", ["tuned-000000000000", "tuned-../../etc", "tuned-0", "elsewhere", "../tuned-000000000000"])
def test_a_name_that_is_not_there_is_refused(name, tmp_path):
    with pytest.raises(ValueError, match=r"Unknown backbone|cannot be read"):
        backbones.find(name, tmp_path)


def test_a_damaged_card_is_one_sentence(base, tmp_path):
    root = tmp_path / "tuned"
    name = save(root, base, changed(base))
    (root / name / "spec.json").write_text(json.dumps({"base": "tiny"}))
    with pytest.raises(backbones.TunedProblem, match=rf"{name} cannot be read.*Fine-tune anew\."):
        backbones.find(name, root)
