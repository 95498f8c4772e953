"""Run by a test: the tiny network, tuned by two processes that know each other as torchrun lets them."""

from __future__ import annotations

import multiprocessing
import os
import socket
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file

from mlcore.finetune.world import joined
from tests.finetune.tiny import tune, write_pictures

SIZE = 2


def work(folder: Path, rank: int, port: int) -> None:
    """One of them."""
    os.environ |= {
        "RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(SIZE), "LOCAL_WORLD_SIZE": str(SIZE),
        "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port),
    }
    with joined("cpu") as world:
        result = tune(folder / "run", *write_pictures(folder / f"pictures{rank}"), world=world, batch=16)
        if world.leads:
            save_file(result.weights, folder / "together.safetensors")


if __name__ == "__main__":
    torch.set_num_threads(1)
    # What torch loads at the first optimiser, it loads before the processes part.
    torch.optim.AdamW([torch.zeros(1)])
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=work, args=(Path(sys.argv[1]), rank, port)) for rank in range(SIZE)]
    for one in processes:
        one.start()
    for one in processes:
        one.join()
    sys.exit(max(abs(one.exitcode or 0) for one in processes))
