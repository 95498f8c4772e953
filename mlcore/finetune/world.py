"""The processes that train together: alone by default, or as many as torchrun has started."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
from torch import distributed, nn

# Filling the caches of slow machines may take its time.
PATIENCE = timedelta(hours=2)


@dataclass(frozen=True)
class World:
    """This process among `size`: its rank in all, and its place among the `local_size` of its machine (number `node`)."""

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    local_size: int = 1
    node: int = 0

    @property
    def leads(self) -> bool:
        """Whether this is the one that writes."""
        return self.rank == 0

    def wait(self) -> None:
        """Until all are here."""
        if self.size > 1:
            distributed.barrier()

    def sums(self, *values: float, device: torch.device) -> list[float]:
        """The sums of each value over all processes; the same numbers in every one of them."""
        if self.size == 1:
            return list(values)
        total = torch.tensor(values, dtype=torch.float64, device=device)
        distributed.all_reduce(total)
        found: list[float] = total.tolist()
        return found

    def share(self, network: nn.Module) -> None:
        """Give all the weights of the process that leads."""
        if self.size > 1:
            for value in network.state_dict().values():
                distributed.broadcast(value, 0)

    def wrap(self, network: nn.Module, device: torch.device, *, idle: bool) -> nn.Module:
        """The network whose gradients are averaged over all processes; weights are those of the process that leads.

        idle: there may be weights that nothing depends on.
        """
        if self.size == 1:
            return network
        ids = [device.index] if device.type == "cuda" else None
        return nn.parallel.DistributedDataParallel(
            network, device_ids=ids, broadcast_buffers=False, find_unused_parameters=idle
        )


@contextmanager
def joined(kind: str) -> Iterator[World]:
    """The world that torchrun has made for this process (kind: of device, "cpu" or "cuda"), or this process alone."""
    if "WORLD_SIZE" not in os.environ:
        yield World()
        return
    world = World(
        rank=int(os.environ["RANK"]),
        size=int(os.environ["WORLD_SIZE"]),
        local_rank=int(os.environ["LOCAL_RANK"]),
        local_size=int(os.environ["LOCAL_WORLD_SIZE"]),
        node=int(os.environ.get("GROUP_RANK", "0")),
    )
    if kind == "cuda":
        torch.cuda.set_device(world.local_rank)
    distributed.init_process_group("nccl" if kind == "cuda" else "gloo", timeout=PATIENCE)
    try:
        yield world
    finally:
        distributed.destroy_process_group()
