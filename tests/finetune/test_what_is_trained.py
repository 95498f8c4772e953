"""The last blocks learn; what was frozen stays; audit of the best epoch happens on images that were held out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from mlcore.device import pick
from mlcore.finetune.outcome import TooFew
from mlcore.finetune.recipe import Recipe
from mlcore.finetune.train import finetune
from tests.finetune.tiny import CLASSES, LOOK, network, recipe, same, tune

Stripes = tuple[list[Path], np.ndarray]


@pytest.mark.parametrize("mode", ["partial", "full"])
def test_it_gets_better_at_what_frozen_features_do_badly(stripes: Stripes, tmp_path: Path, mode: str) -> None:
    result = tune(tmp_path, *stripes, mode=mode, epochs=8)

    assert result.improved
    assert result.best.held_out_loss < result.history[0].held_out_loss
    assert result.train + result.held_out == len(stripes[0])


def test_partial_tuning_leaves_the_first_layers_and_all_statistics_alone(stripes: Stripes, tmp_path: Path) -> None:
    before = network().state_dict()
    after = tune(tmp_path, *stripes).weights

    changed = {name for name in before if not torch.equal(before[name], after[name])}
    # The last two convolutions with their scales and offsets; no running mean, no running variance.
    assert changed == {f"{layer}.{kind}" for layer in (3, 4, 6, 7) for kind in ("weight", "bias")}


def test_full_tuning_changes_the_first_layer_too(stripes: Stripes, tmp_path: Path) -> None:
    after = tune(tmp_path, *stripes, mode="full").weights

    assert not torch.equal(network().state_dict()["0.weight"], after["0.weight"])


def test_the_network_that_was_given_holds_the_best_weights(stripes: Stripes, tmp_path: Path) -> None:
    net = network()
    result = tune(tmp_path, *stripes, net=net)

    assert same(result.weights, net.state_dict())
    assert result.best.held_out_loss == min(line.held_out_loss for line in result.history[1:])


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(stripes: Stripes, tmp_path: Path) -> None:
    first, again, other = (
        tune(tmp_path / name, *stripes, seed=seed).weights for name, seed in (("a", 1), ("b", 1), ("c", 2))
    )

    assert same(first, again)
    assert not same(first, other)


def test_it_stops_when_it_no_longer_gets_better(stripes: Stripes, tmp_path: Path) -> None:
    # A rate at which nothing is learnt, and much is destroyed.
    result = tune(tmp_path, *stripes, rate=5.0, classifier_rate=50.0, epochs=40, patience=2)

    assert result.history[-1].number == result.best.number + 2 < 40


def test_pictures_that_cannot_be_read_are_left_out(stripes: Stripes, tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"not a picture")
    result = tune(tmp_path, [broken, tmp_path / "gone.png", *stripes[0]], np.r_[0, 1, stripes[1]])

    assert result.unreadable == 2
    assert result.train + result.held_out == len(stripes[0])


def test_too_few_pictures_are_refused_with_a_sentence(stripes: Stripes, tmp_path: Path) -> None:
    with pytest.raises(TooFew, match="at least four"):
        tune(tmp_path, stripes[0][:3], stripes[1][:3])


@pytest.mark.parametrize(("precision", "expected"), [("auto", "f32"), ("bf16", "bf16")])
def test_bfloat16_is_used_where_it_is_asked_for(stripes: Stripes, tmp_path: Path, precision: str, expected: str) -> None:
    # Here on any processor, slowly; "auto" takes it only where the processor has it.
    device = replace(pick("cpu"), torch_dtype="float32")
    result = finetune(
        network(), *stripes, classes=CLASSES, look=LOOK, recipe=recipe(precision=precision, epochs=1), folder=tmp_path,
        device=device,
    )

    assert result.precision == expected
    assert all(torch.isfinite(value).all() for value in result.weights.values())


@pytest.mark.parametrize(("groups", "expected"), [(1, "bf16"), (8, "f32")], ids=["dense", "depthwise"])
def test_on_a_processor_with_bfloat16_networks_with_depthwise_layers_stay_in_float32(
    stripes: Stripes, tmp_path: Path, groups: int, expected: str
) -> None:
    layers = nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 8, 3, groups=groups), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    device = replace(pick("cpu"), torch_dtype="bfloat16")
    result = finetune(
        nn.Sequential(*layers), *stripes, classes=CLASSES, look=LOOK, recipe=recipe(blocks=1, epochs=1), folder=tmp_path,
        device=device,
    )

    assert result.precision == expected


@pytest.mark.parametrize("wrong", [{"mode": "half"}, {"epochs": 0}, {"batch": 0}, {"blocks": 0}, {"held_out": 1.0}])
def test_a_recipe_that_makes_no_sense_is_refused_by_the_name_of_what_is_wrong(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Recipe(**wrong)
