"""INT8 that loses too much gets layers back, and the report names them; what loses little stays as it is."""

import numpy as np
import pytest
import torch
from torch import nn

from mlcore import quantise as quantising
from mlcore.convert import Classifier, InputContract, to_openvino
from mlcore.heads.base import LinearForm, LinearPart
from mlcore.quantise import accuracy, quantise_within, quantised_layers

SIZE = 8
ENOUGH = 30
CONTRACT = InputContract(SIZE, (127.0,) * 3, (128.0,) * 3)


class OneLoudChannel(nn.Module):
    """What tells the classes apart is a whisper beside a channel that is `loud` times as strong and tells nothing."""

    def __init__(self, loud: float) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 2, 1)
        self.second = nn.Conv2d(2, 2, 1)
        with torch.no_grad():
            self.first.weight.copy_(torch.tensor([[loud, 0.0, 0.0], [0.0, 1.0, 0.0]]).reshape(2, 3, 1, 1))
            self.first.bias.copy_(torch.tensor([loud, 1.0]))
            self.second.weight.copy_(torch.tensor([[0.0, 1.0], [0.0, -1.0]]).reshape(2, 2, 1, 1))
            self.second.bias.copy_(torch.tensor([0.0, 2.0]))

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.second(self.first(pixels).relu()).relu().mean(dim=(2, 3))


def network(loud: float):
    weights = np.array([[-9, 9], [9, -9]], np.float32)
    head = LinearPart(weights=weights, bias=np.zeros(2, np.float32), weight=1.0, temperature=1.0)
    projection = {"mean": np.zeros(2, np.float32), "components": np.eye(2, dtype=np.float32)}
    return to_openvino(Classifier(OneLoudChannel(loud).eval(), projection, LinearForm((head,))), SIZE)


@pytest.fixture(autouse=True)
def soon_enough(monkeypatch):
    """Thirty images are enough."""
    monkeypatch.setattr(quantising, "MIN_VALIDATION", ENOUGH)


@pytest.fixture(scope="module")
def labelled():
    """Plain colours: any red, and a green that is a little below or above the middle."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, ENOUGH)
    pixels = np.zeros((len(truth), SIZE, SIZE, 3), np.uint8)
    pixels[..., 0] = rng.integers(0, 256, len(truth))[:, None, None]
    pixels[..., 1] = np.where(truth, 132, 122)[:, None, None]
    return list(zip(pixels, truth.tolist(), strict=True))


def calibration(labelled):
    return [pixels for pixels, _ in labelled[:10]]


def test_layers_that_cost_accuracy_go_back_to_floating_point_and_are_named(labelled):
    model = network(loud=5000.0)
    said: list[str] = []
    done = quantise_within(
        model, calibration(labelled), CONTRACT, validation=labelled, max_drop=0.01, heartbeat=said.append
    )
    assert accuracy(model, labelled, CONTRACT) == 1
    assert accuracy(done.model, labelled, CONTRACT) >= 0.99
    assert "backbone.second" in done.kept
    assert "backbone.second" not in quantised_layers(done.model)
    assert done.drop == 0
    assert "in floating point it loses nothing; 1 point is allowed" in done.note
    assert said[0] == f"Checking INT8 on {ENOUGH} labelled images"
    assert "Finding the layers that INT8 hurts" in said


def test_what_loses_little_is_left_in_eight_bits(labelled):
    done = quantise_within(network(loud=1.0), calibration(labelled), CONTRACT, validation=labelled, max_drop=0.01)
    assert (done.kept, done.drop, done.n) == ((), 0, ENOUGH)
    assert quantised_layers(done.model) == {"backbone.first", "backbone.second"}
    assert done.note == "Plain quantisation loses nothing on 30 labelled images; 1 point is allowed."


def test_too_few_labels_conclude_nothing(labelled):
    few = labelled[:29]
    done = quantise_within(network(loud=5000.0), calibration(labelled), CONTRACT, validation=few, max_drop=0.01)
    assert (done.kept, done.drop, done.n) == ((), None, 29)
    assert "29 labelled images outside the audit set are too few, 30 are needed" in done.note


def test_it_stops_when_it_is_told_to(labelled):
    class Stop(Exception):
        pass

    def heartbeat(doing: str) -> None:
        if doing.startswith("Finding"):
            raise Stop

    with pytest.raises(Stop):
        quantise_within(
            network(loud=5000.0), calibration(labelled), CONTRACT, validation=labelled, max_drop=0.01, heartbeat=heartbeat
        )
