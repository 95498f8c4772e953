"""A backbone as a chain of stages, so that it can be cut between what stays as it is and what is trained."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

UNKNOWN = "This network cannot be cut in two, so it can only be fine-tuned as a whole: use the mode full."
# Side of the picture by which a chain is held against its network.
TRIED = 64


class Uncuttable(ValueError):
    """The network is not a chain that we know; the message says what to do instead."""


@dataclass(frozen=True)
class Chain:
    """Modules that give, one after the other, what the network gives.

    before: from pixels to the first block. blocks: what is counted. after: to pooled features (n, dim). usual: how many
    blocks partial fine-tuning trains.
    """

    before: tuple[nn.Module, ...]
    blocks: tuple[nn.Module, ...]
    after: tuple[nn.Module, ...]
    usual: int


class Mean(nn.Module):
    """(n, dim, h, w) to its mean over the image, (n, dim)."""

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        return maps.mean(dim=(2, 3))


def chain_of(network: nn.Module) -> Chain:
    """EfficientNet-Lite, torchvision's MobileNetV2 and ResNets, or any plain `nn.Sequential`. Raises Uncuttable.

    The modules are the network's own: what trains one of them trains the network, which must be in eval mode.
    """
    chain = _guess(network)
    # A network may have the parts of one that we know and put them together in another way.
    first = next(network.parameters())
    x = torch.linspace(-1, 1, 3 * TRIED * TRIED, device=first.device).reshape(1, 3, TRIED, TRIED)
    with torch.inference_mode():
        expected, found = network(x), nn.Sequential(*chain.before, *chain.blocks, *chain.after)(x)
    if expected.shape != found.shape or not torch.allclose(expected, found, rtol=1e-3, atol=1e-4):
        raise Uncuttable(UNKNOWN)
    return chain


def _guess(network: nn.Module) -> Chain:
    lite: Any = getattr(network, "network", None)
    if lite is not None and hasattr(lite, "_conv_stem") and hasattr(lite, "_blocks"):
        return Chain(
            before=(lite._conv_stem, lite._bn0, lite._swish),
            blocks=tuple(lite._blocks),
            after=(lite._conv_head, lite._bn1, lite._swish, Mean()),
            usual=5,
        )
    if all(hasattr(network, name) for name in ("layer1", "layer4", "avgpool")):
        layers = [getattr(network, f"layer{number}") for number in (1, 2, 3, 4)]
        return Chain(
            before=tuple(getattr(network, name) for name in ("conv1", "bn1", "relu", "maxpool")),
            blocks=tuple(block for layer in layers for block in layer),
            after=(network.avgpool, nn.Flatten()),  # type: ignore[arg-type]
            usual=len(layers[-1]),
        )
    if type(network) is nn.Sequential:
        parts = _unfolded(network)
        first = next((i for i, part in enumerate(parts) if _is_block(part)), 0)
        last = next((i for i in reversed(range(len(parts))) if _is_block(parts[i])), len(parts) - 1)
        blocks = parts[first : last + 1]
        return Chain(parts[:first], blocks, parts[last + 1 :], usual=max(1, min(5, len(blocks) // 3)))
    raise Uncuttable(UNKNOWN)


def cut(network: nn.Module, blocks: int | None) -> tuple[nn.Sequential, nn.Sequential]:
    """(trunk, tail): pixels to activations, activations to pooled features; the tail has the last `blocks` blocks.

    Raises Uncuttable, and ValueError when there are not so many blocks.
    """
    chain = chain_of(network)
    count = chain.usual if blocks is None else blocks
    if count > len(chain.blocks):
        raise ValueError(f"blocks is {count}, but this network has {len(chain.blocks)}.")
    kept = len(chain.blocks) - count
    return nn.Sequential(*chain.before, *chain.blocks[:kept]), nn.Sequential(*chain.blocks[kept:], *chain.after)


def whole(network: nn.Module) -> nn.Module:
    """The network without parts that its features do not need (a classifier of its own, say), where we know it."""
    try:
        chain = chain_of(network)
    except Uncuttable:
        return network
    return nn.Sequential(*chain.before, *chain.blocks, *chain.after)


def has_depthwise(network: nn.Module) -> bool:
    """Whether it convolves channels apart: such layers wait for memory, and bfloat16 gives a processor nothing there."""
    return any(isinstance(part, nn.Conv2d) and part.groups == part.in_channels > 1 for part in network.modules())


def _unfolded(network: nn.Sequential) -> tuple[nn.Module, ...]:
    """Its parts, with plain sequences inside laid open."""
    parts: list[nn.Module] = []
    for part in network:
        parts += _unfolded(part) if type(part) is nn.Sequential else [part]
    return tuple(parts)


def _is_block(part: nn.Module) -> bool:
    """Several layers behind a residual connection (torchvision's InvertedResidual), or a plain convolution."""
    return hasattr(part, "use_res_connect") or isinstance(part, nn.Conv2d)
