"""Trunk and tail together are the network, for every kind of network that can be cut."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from mlcore import torchvision_shim
from mlcore.backbones import REGISTRY
from mlcore.finetune.cost import estimate, modes_of
from mlcore.finetune.stages import Uncuttable, chain_of, cut, has_depthwise, whole


def lite0() -> nn.Module:
    return REGISTRY["lite0"].module()


def mobilenet() -> nn.Module:
    torchvision_shim.ensure()
    from torchvision.models import mobilenet_v2

    return nn.Sequential(mobilenet_v2(weights=None).features, nn.AdaptiveAvgPool2d(1), nn.Flatten())


def resnet() -> nn.Module:
    torchvision_shim.ensure()
    from torchvision.models import resnet18

    net = resnet18(weights=None)
    net.fc = nn.Identity()
    return net


@pytest.mark.parametrize(
    ("make", "blocks", "usual", "depthwise"),
    [(lite0, 16, 5, True), (mobilenet, 17, 5, True), (resnet, 8, 2, False)], ids=["lite0", "mobilenetv2", "resnet18"],
)
def test_the_parts_are_the_network(make: Callable[[], nn.Module], blocks: int, usual: int, depthwise: bool) -> None:
    net = make().eval()
    chain = chain_of(net)
    trunk, tail = cut(net, None)
    x = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))

    assert (len(chain.blocks), chain.usual, has_depthwise(net)) == (blocks, usual, depthwise)
    with torch.inference_mode():
        expected = net(x)
        torch.testing.assert_close(tail(trunk(x)), expected)
        torch.testing.assert_close(whole(net)(x), expected)
    # One memory: what trains the tail trains the network.
    assert {id(value) for value in tail.parameters()} < {id(value) for value in net.parameters()}


def test_a_network_that_is_no_chain_can_only_be_tuned_as_a_whole() -> None:
    class Branches(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.mean(dim=(2, 3)) + x.amax(dim=(2, 3))

    net = Branches()

    with pytest.raises(Uncuttable, match="mode full"):
        cut(net, None)
    assert whole(net) is net


def test_a_network_of_known_parts_in_another_order_is_not_taken_for_the_known_one() -> None:
    with pytest.raises(Uncuttable):
        cut(REGISTRY["lite0-industrial"].module(), None)


@pytest.mark.parametrize("name", [name for name, spec in REGISTRY.items() if spec.available()])
def test_what_is_offered_is_what_can_be_done(name: str) -> None:
    net = REGISTRY[name].module()

    if modes_of(name) == ("full",):
        with pytest.raises(Uncuttable):
            cut(net, None)
    else:
        trunk, _ = cut(net, None)
        side = REGISTRY[name].input_size
        with torch.inference_mode():
            values = trunk(torch.zeros(1, 3, side, side)).numel()
        # Two bytes each, in one view; the guess is for people and for the disk.
        assert estimate(backbone=name, pictures=1, mode="partial").disk_bytes == pytest.approx(2 * 2 * values, rel=0.15)


def test_more_blocks_than_there_are_is_a_sentence() -> None:
    with pytest.raises(ValueError, match="blocks is 99"):
        cut(nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten()), 99)
